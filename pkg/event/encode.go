package event

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// BatchVersion is the version of EventBatch that is written. Readers accept every version up to their own.
const BatchVersion = 1

// Defaults are what is filled in where the sender gave nothing. One serves one session: it is not locked.
type Defaults struct {
	// Source is the default of `source`: `/ws` or `/http` and the credential's name.
	Source string
	// Received is the arrival of the frame, and must be set: the default of `time`, in milliseconds, and the time
	// in new ids.
	Received time.Time
	// IDs makes the ids; if nil, the first AppendMember makes one.
	IDs *IDs
	// ID, if set, makes them in its place: it appends one to dst.
	ID func(dst []byte) []byte

	source []byte // Source as bytes
	stamp  []byte // stamped as text
	// stamped is the time in stamp, in milliseconds since 1970: the text is made once a millisecond.
	stamped int64
	id      [idLength]byte
	last    []byte
}

// LastID is the id of the event that was appended last, the sender's or a new one. It is valid until the next
// AppendMember, and as long as the Span.
func (d *Defaults) LastID() []byte { return d.last }

// Field numbers of event.proto.
const (
	batchVersion protowire.Number = 1
	batchEvents  protowire.Number = 2

	eventReceived   protowire.Number = 6
	eventData       protowire.Number = 10
	eventDataBinary protowire.Number = 11
	eventExtensions protowire.Number = 12

	attributeName    protowire.Number = 1
	attributeText    protowire.Number = 2
	attributeBoolean protowire.Number = 3
	attributeInteger protowire.Number = 4
)

// textFields are the field numbers of the slots of text.
var textFields = [slotText]protowire.Number{1, 2, 3, 4, 5, 7, 8, 9}

// AppendVersion appends the version field of an EventBatch. What follows it are members; members of several
// batches, one after the other, are a batch.
func AppendVersion(dst []byte) []byte {
	dst = protowire.AppendTag(dst, batchVersion, protowire.VarintType)
	return protowire.AppendVarint(dst, BatchVersion)
}

// AppendMember appends one `events` member of an EventBatch: the event of s, completed from d. It is the only copy
// of the event's bytes, and allocates nothing but the growth of dst. s must be valid.
func AppendMember(dst []byte, s *Span, d *Defaults) []byte {
	text := s.text
	received := d.complete(&text)
	dst = protowire.AppendTag(dst, batchEvents, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(s.size(&text)))
	for k := slotID; k <= slotTime; k++ {
		dst = appendBytes(dst, textFields[k], text[k])
	}
	dst = protowire.AppendTag(dst, eventReceived, protowire.Fixed64Type)
	dst = protowire.AppendFixed64(dst, uint64(received))
	for k := slotDataContentType; k < slotText; k++ {
		dst = appendBytes(dst, textFields[k], text[k])
	}
	if n := s.payloadField(); n != 0 {
		dst = protowire.AppendTag(dst, n, protowire.BytesType)
		dst = protowire.AppendBytes(dst, s.data)
	}
	for i := range s.extensions {
		dst = s.extensions[i].append(dst)
	}
	return dst
}

// complete fills in what the sender did not give, and returns the arrival in nanoseconds since 1970.
func (d *Defaults) complete(text *[slotText][]byte) (received int64) {
	received = d.Received.UnixNano()
	if len(text[slotID]) == 0 {
		text[slotID] = d.newID()
	}
	d.last = text[slotID]
	if len(text[slotSource]) == 0 {
		if string(d.source) != d.Source {
			d.source = append(d.source[:0], d.Source...)
		}
		text[slotSource] = d.source
	}
	if len(text[slotTime]) == 0 {
		if ms := d.Received.UnixMilli(); d.stamped != ms || len(d.stamp) == 0 {
			d.stamp = d.Received.UTC().AppendFormat(d.stamp[:0], "2006-01-02T15:04:05.000Z")
			d.stamped = ms
		}
		text[slotTime] = d.stamp
	}
	return received
}

func (d *Defaults) newID() []byte {
	if d.ID != nil {
		return d.ID(d.id[:0])
	}
	if d.IDs == nil {
		d.IDs = NewIDs()
	}
	return d.IDs.Append(d.id[:0], d.Received)
}

// size is the length of the event's own encoding.
func (s *Span) size(text *[slotText][]byte) int {
	n := 1 + protowire.SizeFixed64() // every tag of an event is one byte
	for _, t := range text {
		if len(t) > 0 {
			n += 1 + protowire.SizeBytes(len(t))
		}
	}
	if s.payload != NoData {
		n += 1 + protowire.SizeBytes(len(s.data))
	}
	for i := range s.extensions {
		if x := &s.extensions[i]; x.kind != absent {
			n += 1 + protowire.SizeBytes(x.size())
		}
	}
	return n
}

// payloadField is the field that holds the data, or 0.
func (s *Span) payloadField() protowire.Number {
	switch s.payload {
	case JSONData:
		return eventData
	case BinaryData:
		return eventDataBinary
	default:
		return 0
	}
}

// appendBytes appends a field, unless it is empty: proto3 does not write those.
func appendBytes(dst []byte, n protowire.Number, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	dst = protowire.AppendTag(dst, n, protowire.BytesType)
	return protowire.AppendBytes(dst, b)
}
