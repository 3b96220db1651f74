package event

import (
	"fmt"
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
		s.fail(name, "has a name that is not Unicode: a surrogate stands alone")
		return
	}
	k := slotOf(name)
	if k == slotExtension {
		f.setExtension(s, mark, name, value)
		return
	}
	if s.seen&(1<<k) != 0 {
		s.fail(name, "occurs twice")
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
		s.fail(name, fault)
	}
	if k < slotText {
		s.text[k] = text
	}
}

// isTime takes RFC 3339 as every consumer can parse it: no leap seconds, T and Z in upper case. Package time lets three
// things pass that RFC 3339 does not: an hour of one digit, a comma for the point, offsets beyond 23:59.
func isTime(text []byte) bool {
	n := len(text)
	if n < len("2006-01-02T15:04:05Z") || text[13] != ':' || text[19] == ',' {
		return false
	}
	if text[n-1] != 'Z' && (string(text[n-5:n-3]) > "23" || string(text[n-2:]) > "59") {
		return false
	}
	var t time.Time
	return t.UnmarshalText(text) == nil
}
