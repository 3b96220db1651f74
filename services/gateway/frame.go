package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"millrace.dev/pkg/event"
)

// frame is what one goroutine needs while it takes one frame or body: pooled, so that an idle connection has none.
type frame struct {
	event.Frame
	bytes    []byte
	defaults event.Defaults
	// lender is who lent the memory of a large frame, and loan how much.
	lender *semaphore.Weighted
	loan   int64
}

// smallFrame is what a frame may hold without asking.
const smallFrame = 16 << 10

// keptFrame is the most memory that a frame keeps for its next use.
const keptFrame = 256 << 10

var frames = sync.Pool{New: func() any { return new(frame) }}

func getFrame() *frame { return frames.Get().(*frame) }

func putFrame(f *frame) {
	f.Reset()
	f.defaults.ID = nil
	if f.lender != nil {
		f.lender.Release(f.loan)
		f.lender, f.loan = nil, 0
	}
	if cap(f.bytes) <= keptFrame {
		frames.Put(f)
	}
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
	return f.more(r, limit)
}

// more goes on after errTooLong, up to another limit.
func (f *frame) more(r io.Reader, limit int) error {
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

// borrow takes the memory that a large frame may need, until putFrame, if it can be had now.
func (f *frame) borrow(from *semaphore.Weighted, bytes int) bool {
	if !from.TryAcquire(int64(bytes)) {
		return false
	}
	f.lender, f.loan = from, int64(bytes)
	return true
}

// repay gives back what the frame, now that it is read, does not need.
func (f *frame) repay() {
	if need := int64(len(f.bytes)); f.lender != nil && need < f.loan {
		f.lender.Release(f.loan - need)
		f.loan = need
	}
}

// awaitLoan does the same as soon as it can, or returns ctx's error.
func (f *frame) awaitLoan(ctx context.Context, from *semaphore.Weighted, bytes int) error {
	if err := from.Acquire(ctx, int64(bytes)); err != nil {
		return err
	}
	f.lender, f.loan = from, int64(bytes)
	return nil
}

// asks is what a frame asks of those who let it in.
type asks struct {
	// events are the valid ones, and bytes what they take of the room.
	events, bytes int
	// numbered are all events, also those that are not valid, and size is the frame as it was sent: what rates count.
	numbered, size int
	// at is when it was read: the clock is not read again for it.
	at time.Time
}

func (f *frame) asks() asks {
	a := asks{size: len(f.bytes), at: f.defaults.Received}
	for i := range f.Events {
		s := &f.Events[i]
		if s.Control == event.None {
			a.numbered++
		}
		if s.Valid() {
			a.events++
			a.bytes += claimSize(s)
		}
	}
	return a
}
