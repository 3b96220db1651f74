package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"millrace.dev/pkg/event"
)

// maxNumber is the last number of a session: Lua counts in doubles.
const maxNumber = 1<<53 - 1

var (
	// errLeave: nothing is to be written to this connection any more.
	errLeave = errors.New("nothing more is sent on this connection")
	// errBroken: the gateway does not keep to the protocol.
	errBroken = errors.New("the gateway breaks the protocol")
)

// queue holds what is not decided, in order, and the session that numbers it. The first `sent` entries were written to
// the connection that is up, or are being written.
type queue struct {
	mu                  sync.Mutex
	window, windowBytes int // the most of events and bytes
	events, bytes       int // in entries
	entries             []entry
	sent                int
	decided             []entry // what the last ack took out; only the reader uses it

	session string
	last    uint64 // the number given out last
	acked   uint64
	stored  uint64 // of acked, those that were not refused: they leave a trace in Redis
	tried   uint64 // the highest number that was ever written
	// earlier are the events of sessions before this one, and told those whose callbacks have returned.
	earlier, told uint64

	// maxBatch and maxFrame are the gateway's limits of a frame, in events and bytes.
	maxBatch, maxFrame int

	slow     bool  // the gateway has asked us to wait
	draining bool  // it goes away, and acknowledges what it has
	renewed  bool  // the session is another one than the connection's
	shut     bool  // nothing more is taken
	over     error // the end

	waiting int
	// changed is closed and replaced when something above changes that somebody waits for.
	changed chan struct{}
}

func newQueue(window, bytes int) *queue {
	limits := event.DefaultLimits()
	return &queue{
		window: window, windowBytes: bytes, session: newSession(), changed: make(chan struct{}),
		maxBatch: limits.BatchEvents, maxFrame: limits.FrameBytes,
	}
}

// newSession makes an id that is hard to guess: off loopback it is what keeps others out of the session. It has 130
// random bits.
func newSession() string { return rand.Text() }

// tell wakes everyone who waits; the lock is held.
func (q *queue) tell() {
	if q.waiting == 0 {
		return
	}
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
		q.waiting++
		q.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		q.mu.Lock()
		q.waiting--
		if err != nil {
			return err
		}
	}
	return nil
}

// put adds an entry as soon as the window has room for it.
func (q *queue) put(ctx context.Context, e entry) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.await(ctx, func() bool { return q.shut || q.over == nil && q.room(&e) && q.number(&e) }); err != nil {
		return err
	}
	if q.shut {
		return ErrClosed
	}
	q.last += uint64(e.Events)
	q.events += e.Events
	q.bytes += len(e.JSON)
	q.entries = append(q.entries, e)
	q.tell()
	return nil
}

// room says whether the window has room for an entry. A larger one goes alone.
func (q *queue) room(e *entry) bool {
	return len(q.entries) == 0 || q.events+e.Events <= q.window && q.bytes+len(e.JSON) <= q.windowBytes
}

// number gives an entry its numbers. Where they run out, another session begins as soon as everything is decided.
func (q *queue) number(e *entry) bool {
	if q.last+uint64(e.Events) > maxNumber {
		if len(q.entries) > 0 {
			return false
		}
		q.renew()
	}
	e.First = q.last + 1
	return true
}

// renew begins another session; everything is decided. The connection is the old one's, and has to go.
func (q *queue) renew() {
	q.earlier += q.last
	q.session, q.last, q.acked, q.stored, q.tried = newSession(), 0, 0, 0, 0
	q.renewed = true
	q.tell()
}

// fits says whether a frame is one that the gateway takes.
func (q *queue) fits(bytes, events int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case bytes > q.maxFrame:
		return refuse(event.CodeTooLarge, fmt.Sprintf("the frame has %d bytes; at most %d are taken", bytes, q.maxFrame))
	case events > q.maxBatch:
		return refuse(event.CodeTooManyEvents, fmt.Sprintf("the frame has %d events; at most %d are taken", events, q.maxBatch))
	}
	return nil
}

func (q *queue) mostBytes() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.maxFrame
}

// flush waits until all that was published before is decided and told.
func (q *queue) flush(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	until := q.earlier + q.last
	return q.await(ctx, func() bool { return q.told >= until })
}

func (q *queue) totals() (published, decided uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.earlier + q.last, q.earlier + q.acked
}

// shutdown takes nothing more. What is there is still sent, and then the connection is left.
func (q *queue) shutdown() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shut = true
	q.tell()
}

// finished says that nothing is left to do.
func (q *queue) finished() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.shut && len(q.entries) == 0
}

// end makes every wait return err, if it is the first end, and takes out what is not decided.
func (q *queue) end(err error) []entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over != nil {
		return nil
	}
	q.over = err
	q.tell()
	undecided := q.entries
	q.entries, q.sent, q.events, q.bytes = nil, 0, 0, 0
	return undecided
}
