package consume

import (
	"time"

	"millrace.dev/pkg/stream"
)

// batch is what a handler gets at once: events of one or several entries, and where they come from.
type batch struct {
	deliveries []Delivery
	parts      []part
	// since is when its first event came.
	since time.Time
	// due is when to try again after a call that failed, and wait how long the next pause is.
	due  time.Time
	wait stream.Backoff
}

// part says that the next n deliveries are the events of an entry from place `from` on.
type part struct {
	entry   *entry
	from, n int
}

// fill adds events of an entry from a place on, as many as fit, and returns how many.
func (b *batch) fill(e *entry, from, most int) int {
	n := min(len(e.events)-from, most-len(b.deliveries))
	at := stream.Position{Partition: e.lane.number, Epoch: e.epoch, Entry: e.id}
	for i := range n {
		at.Index = from + i
		b.deliveries = append(b.deliveries, Delivery{Event: e.events[from+i], At: at, Attempt: e.attempt})
	}
	b.parts = append(b.parts, part{entry: e, from: from, n: n})
	return n
}

func (b *batch) reset() {
	b.deliveries, b.parts = b.deliveries[:0], b.parts[:0]
	b.wait.Reset()
}

func newBatch() *batch {
	return &batch{wait: stream.Backoff{Least: 100 * time.Millisecond, Most: 30 * time.Second}}
}
