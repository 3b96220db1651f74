package event

import (
	"bytes"
	"encoding/base64"
	"slices"
)

func (s *Span) setData(p Payload, data []byte) {
	if s.payload != NoData {
		s.fail([]byte("data_base64"), "and data exclude each other")
		return
	}
	s.payload, s.data = p, data
}

func (f *Frame) setBinary(s *Span, value []byte) {
	data, ok := f.decodeBase64(value)
	if !ok {
		s.fail([]byte("data_base64"), "must be a string of base64 (RFC 4648, 4), padded and without line breaks")
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
