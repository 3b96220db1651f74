package client

import (
	"context"
	"fmt"
	"sort"
)

// batch is what is written at once: a frame as it is, or single events that go in one array.
type batch struct {
	parts [][]byte // reused
	json  []byte   // reused
}

// bytes is the batch as it is written.
func (b *batch) bytes() []byte {
	if len(b.parts) == 1 {
		return b.parts[0]
	}
	b.json = append(b.json[:0], '[')
	for i, part := range b.parts {
		if i > 0 {
			b.json = append(b.json, ',')
		}
		b.json = append(b.json, part...)
	}
	b.json = append(b.json, ']')
	return b.json
}

// next fills b with what is to be written next, as soon as there is something and the gateway takes it. It returns
// errLeave when this connection has done its work.
func (q *queue) next(ctx context.Context, b *batch) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.await(ctx, func() bool { return q.leaving() || q.ready() }); err != nil {
		return err
	}
	if q.leaving() {
		return errLeave
	}
	clear(b.parts)
	b.parts = b.parts[:0]
	q.gather(b)
	q.tried = max(q.tried, q.entries[q.sent-1].last())
	return nil
}

func (q *queue) ready() bool { return q.sent < len(q.entries) && !q.slow && !q.draining }

// leaving: the session is another one, or the gateway goes away and has acknowledged what it got, or nothing is left.
func (q *queue) leaving() bool {
	return q.renewed || q.draining && q.sent == 0 || q.shut && len(q.entries) == 0
}

// gather takes a frame, or as many single events as the gateway takes in one.
func (q *queue) gather(b *batch) {
	bytes := len("[]")
	for q.sent < len(q.entries) {
		e := &q.entries[q.sent]
		if n := len(b.parts); n > 0 && (e.framed || n == q.maxBatch || bytes+len(e.JSON) > q.maxFrame) {
			return
		}
		b.parts = append(b.parts, e.JSON)
		bytes += len(e.JSON) + len(",")
		q.sent++
		if e.framed {
			return
		}
	}
}

// ack takes out the entries whose events are all decided. They are valid until the next ack.
func (q *queue) ack(n uint64) ([]entry, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if most := q.reach(); n > most {
		return nil, fmt.Errorf("%w: it acknowledges event %d, and was sent %d", errBroken, n, most)
	}
	if n <= q.acked {
		return nil, nil
	}
	done := 0
	q.stored += n - q.acked
	for i := range q.entries[:q.sent] {
		e := &q.entries[i]
		if e.First > n {
			break
		}
		q.stored -= e.refused(q.acked+1, n)
		if e.last() <= n {
			q.events -= e.Events
			q.bytes -= len(e.JSON)
			done++
		}
	}
	q.acked = n
	clear(q.decided)
	q.decided = append(q.decided[:0], q.entries[:done]...)
	clear(q.entries[:done])
	q.entries = q.entries[done:]
	q.sent -= done
	q.tell()
	return q.decided, nil
}

// reach is the highest number that was sent on this connection or decided before.
func (q *queue) reach() uint64 {
	switch {
	case q.sent > 0:
		return q.entries[q.sent-1].last()
	case len(q.entries) > 0:
		return max(q.entries[0].First-1, q.acked)
	}
	return q.last
}

// tellOf notes that the callbacks of so many events have returned.
func (q *queue) tellOf(events int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.told += uint64(events)
	q.tell()
}

// refuse notes the refusal of an event that is under way.
func (q *queue) refuse(r Refusal) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	sent := q.entries[:q.sent]
	i := sort.Search(len(sent), func(i int) bool { return sent[i].last() >= r.Number })
	if i == len(sent) || r.Number < sent[i].First {
		return fmt.Errorf("%w: it refuses event %d, which is not under way", errBroken, r.Number)
	}
	sent[i].refuse(r)
	return nil
}

// rewind begins a connection: everything that is not acknowledged is to be sent again. It returns the session, and the
// number of the first event that will be.
func (q *queue) rewind() (session string, next uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.entries) == 0 && q.last == maxNumber {
		q.renew()
	}
	for i := range q.entries[:q.sent] {
		q.entries[i].forget(q.acked)
	}
	q.sent, q.slow, q.draining, q.renewed = 0, false, false, false
	q.tell()
	if len(q.entries) > 0 {
		return q.session, q.entries[0].First
	}
	return q.session, q.last + 1
}

func (q *queue) setSlow(slow bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.slow = slow
	q.tell()
}

func (q *queue) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.draining = true
	q.tell()
}

// isRenewed says that the session has changed since the last rewind.
func (q *queue) isRenewed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.renewed
}
