package event

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// DecodeBatch appends the events of an EventBatch to dst. Their strings alias entry, and their Data one copy of it.
// It reads exactly what the generated code reads, unknown fields included.
//
// Errors are ErrMalformed and *VersionError; then dst is returned as it was.
func DecodeBatch(dst []Event, entry string) ([]Event, error) {
	m := message{bytes: []byte(entry), text: entry, end: len(entry)}
	events := dst
	for m.more() {
		f, err := m.nextOfBatch()
		if err != nil {
			return dst, err
		}
		if !f.is(batchEvents, protowire.BytesType) {
			continue
		}
		events = append(events, Event{})
		if err := events[len(events)-1].decode(m.within(f)); err != nil {
			return dst, err
		}
	}
	return events, nil
}

// CountBatch returns the number of events in an EventBatch without looking into them. Errors are those of
// DecodeBatch; that there is none does not mean that each event can be decoded.
func CountBatch(b []byte) (int, error) {
	m := message{bytes: b, end: len(b)}
	n := 0
	for m.more() {
		f, err := m.nextOfBatch()
		if err != nil {
			return 0, err
		}
		if f.is(batchEvents, protowire.BytesType) {
			n++
		}
	}
	return n, nil
}

// nextOfBatch reads the next field of an EventBatch and checks the version when it comes by: a batch that was
// concatenated has several.
func (m *message) nextOfBatch() (field, error) {
	f, err := m.next()
	if err == nil && f.is(batchVersion, protowire.VarintType) && uint32(f.value) > BatchVersion {
		err = &VersionError{Version: uint32(f.value)}
	}
	return f, err
}

// decode reads an Event message.
func (e *Event) decode(m message) error {
	for m.more() {
		f, err := m.next()
		if err != nil {
			return err
		}
		if err := e.set(&m, f); err != nil {
			return err
		}
	}
	return nil
}

func (e *Event) set(m *message, f field) (err error) {
	if f.is(eventReceived, protowire.Fixed64Type) {
		e.Received = unixNano(f.value)
		return nil
	}
	if f.kind != protowire.BytesType {
		return nil
	}
	if s := e.textField(f.number); s != nil {
		*s, err = m.string(f)
		return err
	}
	switch f.number {
	case eventData, eventDataBinary: // of a oneof, the last one counts
		e.Data, e.Binary = m.bytes[f.start:f.end:f.end], f.number == eventDataBinary
	case eventExtensions:
		e.Extensions = append(e.Extensions, Attribute{})
		return e.Extensions[len(e.Extensions)-1].decode(m.within(f))
	}
	return nil
}

// textField is where the text of a field goes, or nil.
func (e *Event) textField(n protowire.Number) *string {
	switch n {
	case 1:
		return &e.ID
	case 2:
		return &e.Source
	case 3:
		return &e.Type
	case 4:
		return &e.Subject
	case 5:
		return &e.Time
	case 7:
		return &e.DataContentType
	case 8:
		return &e.DataSchema
	case 9:
		return &e.PartitionKey
	default:
		return nil
	}
}

func unixNano(v uint64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(v)).UTC()
}

// decode reads an Attribute message. Of a oneof, the last one counts.
func (a *Attribute) decode(m message) error {
	for m.more() {
		f, err := m.next()
		if err != nil {
			return err
		}
		switch {
		case f.is(attributeName, protowire.BytesType):
			a.Name, err = m.string(f)
		case f.is(attributeText, protowire.BytesType):
			a.Kind = Text
			a.Value, err = m.string(f)
		case f.is(attributeBoolean, protowire.VarintType):
			a.Kind, a.Value = Boolean, strconv.FormatBool(protowire.DecodeBool(f.value))
		case f.is(attributeInteger, protowire.VarintType):
			a.Kind, a.Value = Integer, strconv.Itoa(int(int32(f.value)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
