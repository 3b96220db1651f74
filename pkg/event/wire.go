package event

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is the error of bytes that are no EventBatch.
var ErrMalformed = errors.New("malformed event batch")

// VersionError says that a batch is of a newer version than this code can read: a newer gateway wrote it.
type VersionError struct {
	// Version is the batch's.
	Version uint32
}

// Error names both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("event batch of version %d; this process reads up to %d", e.Version, BatchVersion)
}

// message is a protobuf message that is being read: a section of bytes, and the same bytes as a string if strings
// are wanted of it.
type message struct {
	bytes   []byte
	text    string
	at, end int
}

// field is one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	// value is that of a varint or fixed64.
	value uint64
	// start and end are where the content of a length-delimited field lies.
	start, end int
}

// is says whether the field has that number and type. One of another type is unknown, as in generated code.
func (f *field) is(n protowire.Number, kind protowire.Type) bool {
	return f.number == n && f.kind == kind
}

// more says whether there is another field.
func (m *message) more() bool { return m.at < m.end }

// next reads the next field.
func (m *message) next() (f field, err error) {
	n := 0
	if f.number, f.kind, n = protowire.ConsumeTag(m.bytes[m.at:m.end]); n < 0 {
		return f, m.malformed(n)
	}
	if f.number > protowire.MaxValidNumber { // package protowire leaves that to its callers
		return f, fmt.Errorf("%w at byte %d: field number %d", ErrMalformed, m.at, f.number)
	}
	m.at += n
	rest := m.bytes[m.at:m.end]
	switch f.kind {
	case protowire.VarintType:
		f.value, n = protowire.ConsumeVarint(rest)
	case protowire.Fixed64Type:
		f.value, n = protowire.ConsumeFixed64(rest)
	case protowire.BytesType:
		var content []byte
		content, n = protowire.ConsumeBytes(rest)
		f.start, f.end = m.at+n-len(content), m.at+n
	default:
		n = protowire.ConsumeFieldValue(f.number, f.kind, rest)
	}
	if n < 0 {
		return f, m.malformed(n)
	}
	m.at += n
	return f, nil
}

// within is the message that a field holds.
func (m *message) within(f field) message {
	return message{bytes: m.bytes, text: m.text, at: f.start, end: f.end}
}

// string is the text that a field holds.
func (m *message) string(f field) (string, error) {
	s := m.text[f.start:f.end]
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: text at byte %d is not UTF-8", ErrMalformed, f.start)
	}
	return s, nil
}

func (m *message) malformed(code int) error {
	return fmt.Errorf("%w at byte %d: %w", ErrMalformed, m.at, protowire.ParseError(code))
}
