package gateway

import (
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/produce"
)

// What an append holds at most: events as an entry's id counts them, and bytes so that a batch stays a
// moderate argument of a script. One event that is larger goes alone.
const (
	batchEvents = 1000
	batchBytes  = 256 << 10
)

// batch is what gathers in a partition for one append.
type batch struct {
	produce.Batch
	runs     []run
	arrivals []arrival
	events   int
	// bytes are those of the members; claimed those that the room was asked for.
	bytes, claimed int
}

// run is a stretch of one producer's events; see window. What is below number is kept for those that may be dropped.
type run struct {
	producer *producer
	number   uint64
	// first is the number of its first event; events have numbers without gaps and lie side by side in the
	// anonymous part, size bytes long.
	first         uint64
	events        int
	size, claimed int
	at            time.Time
	gone          bool // dropped, and its producer told
}

// arrival says when some of the events were read: the clock is read once a frame.
type arrival struct {
	at     time.Time
	events int
}

// newBatch returns an empty batch with its anonymous part in the first place.
func newBatch(partition int) *batch {
	return &batch{Batch: produce.Batch{Partition: partition, Parts: make([]produce.Part, 1, 4)}}
}

// full says whether an event of that size has to go into another batch.
func (b *batch) full(size int) bool {
	return b.events >= batchEvents || b.events > 0 && b.bytes+size > batchBytes
}

// part returns the part of a session in this batch; all anonymous producers share the first.
func (b *batch) part(p *producer) *produce.Part {
	if p.session == nil {
		return &b.Parts[0]
	}
	// A batch is used again after it is stored: the place holds only while the part is still this session's.
	if at := p.places[b.Partition]; at.batch == b && at.part < len(b.Parts) && b.Parts[at.part].Session == p.session {
		return &b.Parts[at.part]
	}
	if len(b.Parts) < cap(b.Parts) { // memory of an earlier use
		b.Parts = b.Parts[:len(b.Parts)+1]
	} else {
		b.Parts = append(b.Parts, produce.Part{})
	}
	part := &b.Parts[len(b.Parts)-1]
	part.Reset(p.session)
	p.places[b.Partition] = place{b, len(b.Parts) - 1}
	return part
}

// claimSize is what an event asks of the room: its text, and about what its attributes add.
func claimSize(s *event.Span) int { return len(s.Raw) + 128 }

// arrived counts one event that was read at that time.
func (b *batch) arrived(at time.Time) {
	if n := len(b.arrivals); n > 0 && b.arrivals[n-1].at == at {
		b.arrivals[n-1].events++
		return
	}
	b.arrivals = append(b.arrivals, arrival{at, 1})
}

// reset empties a batch and keeps its memory.
func (b *batch) reset() {
	clear(b.runs)
	for i := range b.Parts {
		b.Parts[i].Reset(nil)
	}
	*b = batch{
		Batch: produce.Batch{Partition: b.Partition, Parts: b.Parts[:1]},
		runs:  b.runs[:0], arrivals: b.arrivals[:0],
	}
}
