package event

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// slot is a member of an event whose name has a meaning of its own.
type slot uint8

// Those before slotText are attributes of text that a Span keeps, in the order of their fields in event.proto.
const (
	slotID slot = iota
	slotSource
	slotType
	slotSubject
	slotTime
	slotDataContentType
	slotDataSchema
	slotPartitionKey
	slotText // how many those are
	slotSpecVersion
	slotData
	slotDataBase64
	slotExtension
)

func slotOf(name []byte) slot {
	switch string(name) {
	case "type":
		return slotType
	case "data":
		return slotData
	case "id":
		return slotID
	case "source":
		return slotSource
	case "time":
		return slotTime
	case "subject":
		return slotSubject
	case "specversion":
		return slotSpecVersion
	case "datacontenttype":
		return slotDataContentType
	case "dataschema":
		return slotDataSchema
	case "partitionkey":
		return slotPartitionKey
	case "data_base64":
		return slotDataBase64
	default:
		return slotExtension
	}
}

// set applies one member, of which name and value are JSON. null is an attribute that is not set (CloudEvents JSON
// format 1.0, 2.2), but it is a value of data.
func (f *Frame) set(s *Span, mark int, quoted, value []byte) {
	name, whole := f.unquote(quoted)
	if !whole {
		s.refuse(badAttribute(string(name), "has a name that is not Unicode: a surrogate stands alone"))
		return
	}
	k := slotOf(name)
	if k == slotExtension {
		f.setExtension(s, mark, name, value)
		return
	}
	if s.seen&(1<<k) != 0 {
		s.refuse(badAttribute(string(name), "occurs twice"))
		return
	}
	s.seen |= 1 << k
	switch {
	case k == slotData:
		s.setData(JSONData, value)
	case value[0] == 'n': // null
	case k == slotDataBase64:
		f.setBinary(s, value)
	default:
		f.setText(s, k, name, value)
	}
}

func (s *Span) setData(p Payload, data []byte) {
	if s.payload != NoData {
		s.refuse(badAttribute("data_base64", "and data exclude each other"))
		return
	}
	s.payload, s.data = p, data
}

func (f *Frame) setBinary(s *Span, value []byte) {
	data, ok := f.decodeBase64(value)
	if !ok {
		s.refuse(badAttribute("data_base64", "must be a string of base64 (RFC 4648, 4), padded and without line breaks"))
	}
	s.setData(BinaryData, data)
}

// strict refuses padding bits that are not zero, so that bytes have one spelling.
var strict = base64.StdEncoding.Strict()

func (f *Frame) decodeBase64(value []byte) (data []byte, ok bool) {
	if value[0] != '"' {
		return nil, false
	}
	text, whole := f.unquote(value)
	if !whole || bytes.ContainsAny(text, "\r\n") { // package base64 passes over line breaks
		return nil, false
	}
	start := len(f.scratch)
	f.scratch = slices.Grow(f.scratch, strict.DecodedLen(len(text)))
	n, err := strict.Decode(f.scratch[start:cap(f.scratch)], text)
	f.scratch = f.scratch[:start+n]
	return f.scratch[start:], err == nil
}

// setText applies an attribute of text that CloudEvents names.
func (f *Frame) setText(s *Span, k slot, name, value []byte) {
	text, fault := f.text(value)
	switch {
	case fault != "":
	case len(text) == 0:
		fault = "must not be empty"
	case len(text) > MaxAttribute:
		fault = fmt.Sprintf("has %d bytes; at most %d are taken", len(text), MaxAttribute)
	case k == slotSpecVersion && string(text) != SpecVersion:
		fault = `must be "` + SpecVersion + `"`
	case k == slotTime && !isTime(text):
		fault = "must be a time of RFC 3339, like 2006-01-02T15:04:05.999Z"
	}
	if fault != "" {
		s.refuse(badAttribute(string(name), fault))
	}
	if k < slotText {
		s.text[k] = text
	}
}

// isTime takes what every consumer can parse: RFC 3339 without leap seconds, T and Z in upper case.
func isTime(text []byte) bool {
	var t time.Time
	return t.UnmarshalText(text) == nil
}

// setExtension applies an extension attribute; those of s begin at mark.
func (f *Frame) setExtension(s *Span, mark int, name, value []byte) {
	fault := nameFault(name)
	if fault == "" && len(f.extensions)-mark == MaxExtensions {
		fault = fmt.Sprintf("is one extension too many: at most %d are taken", MaxExtensions)
	}
	if fault == "" && occurs(f.extensions[mark:], name) {
		fault = "occurs twice"
	}
	if fault != "" {
		s.refuse(badAttribute(string(name), fault))
		return
	}
	x, fault := f.extension(value)
	if fault != "" {
		s.refuse(badAttribute(string(name), fault))
	}
	x.name = name
	f.extensions = append(f.extensions, x)
}

// nameFault checks the name of an extension. CloudEvents 1.0, 3.1.
func nameFault(name []byte) string {
	if len(name) == 0 || len(name) > MaxExtensionName {
		return fmt.Sprintf("has a name of %d bytes; 1 to %d are taken", len(name), MaxExtensionName)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return "has a name with other characters than a-z and 0-9"
		}
	}
	return ""
}

func occurs(xs []extension, name []byte) bool {
	for i := range xs {
		if bytes.Equal(xs[i].name, name) {
			return true
		}
	}
	return false
}

// extension reads the value of an extension attribute. CloudEvents JSON format 1.0, 2.2. null takes a place, too,
// so that a second one of its name is found.
func (f *Frame) extension(value []byte) (x extension, fault string) {
	switch value[0] {
	case '"':
		x.kind = Text
		x.text, fault = f.text(value)
	case 't', 'f':
		x.kind = Boolean
		if value[0] == 't' {
			x.integer = 1
		}
	case 'n':
		x.kind = absent
	case '[', '{':
		fault = "must be a string, a boolean or an integer"
	default:
		n, err := strconv.ParseInt(string(value), 10, 32)
		if err != nil {
			fault = "must be an integer of 32 bits, without fraction or exponent, if it is a number"
		}
		x.kind, x.integer = Integer, int32(n)
	}
	return x, fault
}

// absent is the kind of an extension whose value was null.
const absent Kind = 255

// judge decides what depends on the whole event.
func (f *Frame) judge(s *Span) {
	if s.Control = s.control(); s.Control != None {
		s.Refused = nil
		return
	}
	switch {
	case len(s.Raw) > f.limits.EventBytes:
		s.Refused = Refuse(CodeTooLarge, fmt.Sprintf("the event has %d bytes; at most %d are taken", len(s.Raw), f.limits.EventBytes))
	case len(s.Type()) == 0:
		s.refuse(badAttribute("type", "is required"))
	}
}

// control says whether s is a message of the protocol. With two types it might be an event to its sender, and then
// it is refused rather than lost.
func (s *Span) control() Control {
	if s.payload != NoData || s.Refused != nil && s.Refused.Attribute == "type" {
		return None
	}
	switch string(s.Type()) {
	case "ping":
		return Ping
	case "pong":
		return Pong
	default:
		return None
	}
}
