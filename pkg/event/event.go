package event

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// SpecVersion is the version of CloudEvents that every event has.
const SpecVersion = "1.0"

// Event is a CloudEvents 1.0 event, as it is stored. A string that is empty is an attribute that is absent: the
// attributes of CloudEvents are never empty.
type Event struct {
	// ID and Source together are unique: as sent, or made by the gateway.
	ID, Source string
	// Type is never empty in an event that was decoded from JSON.
	Type    string
	Subject string
	// Time is RFC 3339: as sent, or the arrival at the gateway.
	Time string
	// DataContentType is the media type of Data; empty means JSON.
	DataContentType string
	DataSchema      string
	PartitionKey    string
	// Received is when the gateway read the event, in UTC; the zero Time if that is not known.
	Received time.Time
	// Data is JSON as it was sent, or bytes if Binary; nil when the event has none.
	Data []byte
	// Binary says that Data was sent as `data_base64` and is not JSON.
	Binary bool
	// Extensions are in the order in which they were sent.
	Extensions []Attribute
}

// Attribute is an extension attribute (CloudEvents 1.0, 3.1).
type Attribute struct {
	// Name is lower-case letters and digits.
	Name string
	// Value is the value's canonical text (CloudEvents 1.0, 3.1.1): `true`, `-7`, or the text itself.
	Value string
	Kind  Kind
}

// Kind is the type of an extension attribute.
type Kind uint8

// The kinds that JSON tells apart (CloudEvents JSON format 1.0, 2.2).
const (
	Text Kind = iota
	Boolean
	Integer
)

// AppendJSON appends the event in the CloudEvents JSON format. Data is written byte for byte; text that is not UTF-8,
// which no decoder of this package lets in, is mended with U+FFFD.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"specversion":"`+SpecVersion+`"`...)
	dst = appendText(dst, "id", e.ID)
	dst = appendText(dst, "source", e.Source)
	dst = appendText(dst, "type", e.Type)
	dst = appendText(dst, "subject", e.Subject)
	dst = appendText(dst, "time", e.Time)
	dst = appendText(dst, "datacontenttype", e.DataContentType)
	dst = appendText(dst, "dataschema", e.DataSchema)
	dst = appendText(dst, "partitionkey", e.PartitionKey)
	for i := range e.Extensions {
		dst = e.Extensions[i].appendJSON(dst)
	}
	return append(e.appendData(dst), '}')
}

func (e *Event) appendData(dst []byte) []byte {
	switch {
	case e.Data == nil, len(e.Data) == 0 && !e.Binary: // JSON is never empty
		return dst
	case e.Binary:
		dst = append(dst, `,"data_base64":"`...)
		return append(base64.StdEncoding.AppendEncode(dst, e.Data), '"')
	default:
		return append(append(dst, `,"data":`...), e.Data...)
	}
}

// appendText appends a member whose name needs no escapes, unless it is absent.
func appendText(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendQuoted(appendName(dst, name), value)
}

// appendJSON appends the attribute; a Value that does not fit its Kind is written as text, so that what comes out
// is JSON whoever made the Attribute.
func (a *Attribute) appendJSON(dst []byte) []byte {
	dst = append(appendQuoted(append(dst, ','), a.Name), ':')
	if a.bare() {
		return append(dst, a.Value...)
	}
	return appendQuoted(dst, a.Value)
}

// bare says whether the value is written without quotes.
func (a *Attribute) bare() bool {
	switch a.Kind {
	case Boolean:
		return a.Value == "true" || a.Value == "false"
	case Integer:
		n, err := strconv.ParseInt(a.Value, 10, 32)
		return err == nil && strconv.FormatInt(n, 10) == a.Value
	default:
		return false
	}
}

func appendName(dst []byte, name string) []byte {
	return append(append(append(dst, ',', '"'), name...), '"', ':')
}

func appendQuoted(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // its error says that invalid UTF-8 was mended
	return dst
}
