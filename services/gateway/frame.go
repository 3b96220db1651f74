package gateway

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
)

// frame is what one goroutine needs while it takes one frame or body: pooled, so that an idle connection has none.
type frame struct {
	event.Frame
	bytes    []byte
	defaults event.Defaults
}

// keptFrame is the most memory that a frame keeps for its next use.
const keptFrame = 256 << 10

var frames = sync.Pool{New: func() any { return new(frame) }}

func getFrame() *frame { return frames.Get().(*frame) }

func putFrame(f *frame) {
	f.Reset()
	if cap(f.bytes) <= keptFrame {
		frames.Put(f)
	}
}

// sourceOf is the source of events that name none: the way that they came, and whose key came with them.
func sourceOf(way string, c access.Credential) string {
	if c.Anonymous() {
		return way
	}
	return way + "/" + c.Name
}

// begin sets what the frame's events get where the sender gave nothing.
func (f *frame) begin(source string) {
	f.defaults.Source, f.defaults.Received = source, time.Now()
}

// tooLong refuses a frame or a body of more than limit bytes.
func tooLong(limit int) *event.Refusal {
	return event.Refuse(event.CodeTooLarge, fmt.Sprintf("it is longer than %d bytes: send it in parts", limit))
}

// errTooLong: there is more to read than a frame may hold.
var errTooLong = errors.New("frame too long")

// fill reads a whole frame, or errTooLong when it has more than limit bytes.
func (f *frame) fill(r io.Reader, limit int) error {
	f.bytes = f.bytes[:0]
	for {
		if len(f.bytes) == cap(f.bytes) {
			f.bytes = append(f.bytes, 0)[:len(f.bytes)]
		}
		n, err := r.Read(f.bytes[len(f.bytes):min(cap(f.bytes), limit+1)])
		f.bytes = f.bytes[:len(f.bytes)+n]
		switch {
		case len(f.bytes) > limit:
			return errTooLong
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// claim is what the frame's valid events ask of the room.
func (f *frame) claim() (events, bytes int) {
	for i := range f.Events {
		if s := &f.Events[i]; s.Valid() {
			events++
			bytes += claimSize(s)
		}
	}
	return events, bytes
}
