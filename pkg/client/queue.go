package client

import (
	"context"
	"sync"
	"time"
)

// Frame is what is sent at once: the JSON of one event, or of an array of events.
type Frame struct {
	// JSON of the frame. It must not be changed until it is acknowledged.
	JSON []byte
	// Events in it.
	Events int
	// First is the number of its first event; Publish sets it.
	First uint64
	// Queued is when Publish was called: latencies are measured from here.
	Queued time.Time
}

func (f *Frame) last() uint64 { return f.First + uint64(f.Events) - 1 }

// queue holds the frames that are not acknowledged, in order. The first `sent` of them were written to the
// connection that is up.
type queue struct {
	mu     sync.Mutex
	frames []Frame
	sent   int
	events int    // in frames
	last   uint64 // the number given out last
	acked  uint64
	slow   bool // the gateway has asked us to wait
	over   error
	// changed is closed and replaced whenever something above changes.
	changed chan struct{}
}

func newQueue() *queue { return &queue{changed: make(chan struct{})} }

// tell wakes everyone who waits; the lock is held.
func (q *queue) tell() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// await waits, with the lock held, until ok holds, the queue is over, or ctx ends.
func (q *queue) await(ctx context.Context, ok func() bool) error {
	for !ok() {
		if q.over != nil {
			return q.over
		}
		changed := q.changed
		q.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		q.mu.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}

// put adds a frame as soon as the window has room for it.
func (q *queue) put(ctx context.Context, f Frame, window int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.await(ctx, func() bool { return q.over == nil && (q.events == 0 || q.events+f.Events <= window) }); err != nil {
		return err
	}
	f.First = q.last + 1
	q.last += uint64(f.Events)
	q.events += f.Events
	q.frames = append(q.frames, f)
	q.tell()
	return nil
}

// next is the next frame to write, as soon as there is one and the gateway takes it.
func (q *queue) next(ctx context.Context) (Frame, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.await(ctx, func() bool { return q.sent < len(q.frames) && !q.slow }); err != nil {
		return Frame{}, err
	}
	q.sent++
	return q.frames[q.sent-1], nil
}

// ack takes out the frames whose events are all decided and returns them.
func (q *queue) ack(n uint64) []Frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n <= q.acked {
		return nil
	}
	q.acked = n
	done := 0
	for done < q.sent && q.frames[done].last() <= n {
		q.events -= q.frames[done].Events
		done++
	}
	if done == 0 {
		return nil
	}
	decided := append([]Frame(nil), q.frames[:done]...)
	clear(q.frames[:done])
	q.frames = q.frames[done:]
	q.sent -= done
	q.tell()
	return decided
}

// rewind begins a connection: everything that is not acknowledged is to be sent again. It returns the number of
// the first event that will be.
func (q *queue) rewind() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent, q.slow = 0, false
	q.tell()
	if len(q.frames) > 0 {
		return q.frames[0].First
	}
	return q.last + 1
}

func (q *queue) setSlow(slow bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.slow = slow
	q.tell()
}

// end makes every wait return err, if it is the first end.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over == nil {
		q.over = err
		q.tell()
	}
}

// flush waits until everything is acknowledged.
func (q *queue) flush(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.await(ctx, func() bool { return len(q.frames) == 0 })
}

func (q *queue) totals() (published, acked uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last, min(q.acked, q.last)
}
