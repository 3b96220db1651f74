package event

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// This file walks through a frame. A *Refusal that is returned is of the whole frame; one in a Span is of the event.

// array reads the array that comes next.
func (f *Frame) array() *Refusal {
	if _, err := f.decoder.ReadToken(); err != nil {
		return f.syntax(err)
	}
	for f.decoder.PeekKind() != ']' {
		if len(f.Events) == f.limits.BatchEvents {
			return f.tooMany()
		}
		if r := f.element(); r != nil {
			return r
		}
	}
	return f.close()
}

// element reads the value that comes next as an event.
func (f *Frame) element() *Refusal {
	if f.decoder.PeekKind() == '{' {
		return f.object()
	}
	raw, r := f.value(f.limits.Depth)
	if r != nil {
		return r
	}
	f.Events = append(f.Events, Span{Raw: raw, Refused: Refuse(CodeInvalidEvent, "an event is a JSON object")})
	return nil
}

// object reads the object that comes next as an event.
func (f *Frame) object() *Refusal {
	if _, err := f.decoder.ReadToken(); err != nil {
		return f.syntax(err)
	}
	start, mark := f.offset()-1, len(f.extensions)
	f.Events = append(f.Events, Span{})
	s := &f.Events[len(f.Events)-1]
	for f.decoder.PeekKind() != '}' {
		if r := f.member(s, mark); r != nil {
			return r
		}
	}
	if r := f.close(); r != nil {
		return r
	}
	s.Raw, s.extensions = f.source[start:f.offset()], f.extensions[mark:]
	f.judge(s)
	return nil
}

// member reads a name and its value; mark is where the event's extensions begin.
func (f *Frame) member(s *Span, mark int) *Refusal {
	name, r := f.value(f.limits.Depth) // a name that is no string is a fault of syntax
	if r != nil {
		return r
	}
	value, r := f.value(f.limits.Depth - 1)
	if r != nil {
		return r
	}
	f.set(s, mark, name, value)
	return nil
}

// value reads the value that comes next, which may nest to depth.
func (f *Frame) value(depth int) ([]byte, *Refusal) {
	if !f.flat && f.deep(depth) {
		return nil, Refuse(CodeInvalidJSON, fmt.Sprintf("arrays and objects nest deeper than %d", f.limits.Depth))
	}
	v, err := f.decoder.ReadValue()
	if err != nil {
		return nil, f.syntax(err)
	}
	end := f.offset() // v itself is the decoder's, and good until its next call only
	return f.source[end-len(v) : end], nil
}

// deep looks ahead, since the decoder recurses into a value before it can be asked how deep it is.
func (f *Frame) deep(depth int) bool {
	switch f.decoder.PeekKind() {
	case '[', '{':
		return nestsDeeper(f.decoder.UnreadBuffer(), depth)
	default:
		return false
	}
}

// nestsDeeper says whether the first array or object in b has more than depth levels. It may say anything about
// what is not JSON, but never lets a decoder descend further than depth before that stops.
func nestsDeeper(b []byte, depth int) bool {
	level := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += lengthOfText(b[i+1:]) + 1
		case '[', '{':
			if level++; level > depth {
				return true
			}
		case ']', '}':
			if level--; level <= 0 {
				return false
			}
		}
	}
	return false
}

// lengthOfText is how far it is to the quotation mark that ends the string that b is in: the first without an odd
// number of backslashes before it. Most of a frame is in strings, and IndexByte is many times faster than a loop.
func lengthOfText(b []byte) int {
	from := 0
	for {
		n := bytes.IndexByte(b[from:], '"')
		if n < 0 {
			return len(b)
		}
		end := from + n
		first := end
		for first > 0 && b[first-1] == '\\' {
			first--
		}
		if (end-first)%2 == 0 {
			return end
		}
		from = end + 1
	}
}

// close reads the end of the array or object that is open.
func (f *Frame) close() *Refusal {
	if _, err := f.decoder.ReadToken(); err != nil {
		return f.syntax(err)
	}
	return nil
}

// end makes sure that nothing follows.
func (f *Frame) end() *Refusal {
	switch _, err := f.decoder.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return f.syntax(err)
	default:
		return Refuse(CodeInvalidJSON, fmt.Sprintf("more follows the value, before byte %d", f.offset()))
	}
}

func (f *Frame) offset() int { return int(f.decoder.InputOffset()) }

// syntax turns the decoder's error into a refusal.
func (f *Frame) syntax(err error) *Refusal {
	var fault *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF):
		return Refuse(CodeInvalidJSON, "there is no JSON value")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Refuse(CodeInvalidJSON, "the JSON ends early")
	case errors.As(err, &fault) && fault.Err != nil:
		return Refuse(CodeInvalidJSON, fmt.Sprintf("not JSON at byte %d: %s", fault.ByteOffset, clip(fault.Err.Error(), 100)))
	default:
		return Refuse(CodeInvalidJSON, "not JSON: "+clip(err.Error(), 100))
	}
}
