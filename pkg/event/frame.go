package event

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Frame decodes what one sender sent at once. The zero Frame is ready; it is meant to be pooled, must not be copied
// after its first use, and serves one goroutine at a time.
type Frame struct {
	// Events are the events in the order in which they were sent, controls and refused ones included.
	Events []Span

	limits Limits
	// source is what is being decoded: the frame, or a line of it.
	source  []byte
	buffer  bytes.Buffer
	decoder jsontext.Decoder
	// flat says that source has too few brackets to nest too deep.
	flat bool
	// scratch holds what is not in the frame as it stood: strings without their escapes, bytes out of base64.
	// It may move when it grows; the views of the old one stay good.
	scratch    []byte
	extensions []extension
}

// What a pooled Frame keeps for the next one: enough for DefaultLimits' batches.
const (
	keepEvents     = 1000
	keepExtensions = 4000
	keepScratch    = 256 << 10
)

// DecodeJSON decodes a frame that is one event or an array of events. Its error is a *Refusal of the whole frame
// (invalid_json, too_large, too_many_events), and then Events is empty. A value that is JSON and no valid event has
// its own refusal, in its Span.
//
// The spans alias b, which must not change while they are used.
func (f *Frame) DecodeJSON(b []byte, l Limits) error {
	f.begin(l)
	if r := f.frame(b); r != nil {
		f.Reset()
		return r
	}
	return nil
}

// DecodeNDJSON decodes a body that is one event a line. A line that is not JSON is one refused event; blank lines
// are none. Its error is a *Refusal of the whole body (too_large, too_many_events): one body is stored like one
// array, so it has the same limits. Spans are as those of DecodeJSON.
func (f *Frame) DecodeNDJSON(b []byte, l Limits) error {
	f.begin(l)
	if r := f.lines(b); r != nil {
		f.Reset()
		return r
	}
	return nil
}

// Valid returns how many events may be stored, and how many bytes they had as they were sent.
func (f *Frame) Valid() (events, size int) {
	for i := range f.Events {
		if f.Events[i].Valid() {
			events++
			size += len(f.Events[i].Raw)
		}
	}
	return events, size
}

// Reset lets go of the bytes that were decoded, and of room that only a rare frame needs. It is called before a
// Frame goes back to its pool.
func (f *Frame) Reset() {
	f.buffer, f.source = bytes.Buffer{}, nil
	f.decoder.Reset(&f.buffer) // it held on to the frame, too
	f.Events = emptied(f.Events, keepEvents)
	f.extensions = emptied(f.extensions, keepExtensions)
	if f.scratch = f.scratch[:0]; cap(f.scratch) > keepScratch {
		f.scratch = nil
	}
}

// emptied drops what s refers to, and s itself if it holds more than keep.
func emptied[T any](s []T, keep int) []T {
	if cap(s) > keep {
		return nil
	}
	clear(s)
	return s[:0]
}

func (f *Frame) begin(l Limits) {
	f.limits = l
	f.Events, f.extensions, f.scratch = f.Events[:0], f.extensions[:0], f.scratch[:0]
}

// frame decodes one event or an array of them, and nothing after it.
func (f *Frame) frame(b []byte) *Refusal {
	if r := f.fits(b); r != nil {
		return r
	}
	if r := f.open(b); r != nil {
		return r
	}
	decode := f.element
	if f.decoder.PeekKind() == '[' {
		decode = f.array
	}
	if r := decode(); r != nil {
		return r
	}
	return f.end()
}

func (f *Frame) lines(b []byte) *Refusal {
	if r := f.fits(b); r != nil {
		return r
	}
	for line := range bytes.Lines(b) {
		if line = bytes.Trim(line, " \t\r\n"); len(line) == 0 {
			continue
		}
		if len(f.Events) == f.limits.BatchEvents {
			return f.tooMany()
		}
		f.line(line)
	}
	return nil
}

// line decodes one line, whose fault is its own.
func (f *Frame) line(b []byte) {
	n := len(f.Events)
	r := f.open(b)
	if r == nil {
		r = f.element()
	}
	if r == nil {
		r = f.end()
	}
	if r != nil {
		f.Events = append(f.Events[:n], Span{Raw: b, Refused: r})
	}
}

func (f *Frame) fits(b []byte) *Refusal {
	if len(b) <= f.limits.FrameBytes {
		return nil
	}
	return Refuse(CodeTooLarge, fmt.Sprintf("the frame has %d bytes; at most %d are taken", len(b), f.limits.FrameBytes))
}

func (f *Frame) tooMany() *Refusal {
	return Refuse(CodeTooManyEvents, fmt.Sprintf("the frame has more than %d events", f.limits.BatchEvents))
}

// open makes b what is decoded next. The decoder is told to let duplicate names and lone surrogates pass: data may
// have them, and elsewhere they are found here.
func (f *Frame) open(b []byte) *Refusal {
	if !utf8.Valid(b) {
		return Refuse(CodeInvalidJSON, "the text is not UTF-8")
	}
	f.source, f.buffer = b, *bytes.NewBuffer(b)
	f.decoder.Reset(&f.buffer, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	f.flat = bytes.Count(b, []byte{'['})+bytes.Count(b, []byte{'{'}) <= f.limits.Depth
	return nil
}
