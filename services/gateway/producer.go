package gateway

import (
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/produce"
)

// producer is one who sends events: a connection or a request. It numbers them, puts them into the batches of
// their partitions, and learns through its window what became of them.
type producer struct {
	window
	// session is set for a named one; places is then where it is in the filling batch of each partition.
	session *produce.Session
	places  []place
	// home is the partition of its events without a partitionkey.
	home int
	// last is the number of the last event taken.
	last uint64
	// latest is the batch and the run of the last event taken.
	latest struct {
		batch *batch
		run   uint64
		place int // in batch.runs
	}
	// untold is the lane that was given something and has not been rung for it.
	untold *lane
	// news is called, with the window locked, when acked has moved.
	news func()
	// lost is called, with the window locked, for an event that is dropped, before acked moves past it.
	lost func(n uint64)
}

type place struct {
	batch *batch
	part  int
}

// give puts one valid event on its way. The window is locked.
func (p *producer) give(n uint64, to *partition, s *event.Span, d *event.Defaults) {
	p.last = n
	to.put(p, n, s, d)
}

// owes a lane a ring, which comes at the end of the frame: a lane that is woken by its first event would append
// that alone, and the rest after it in a second round trip. The window is locked.
func (p *producer) owes(l *lane) {
	if p.untold != l {
		p.ring()
		p.untold = l
	}
}

// ring wakes the lane that has something new. The window is locked.
func (p *producer) ring() {
	if p.untold != nil {
		p.untold.ring()
		p.untold = nil
	}
}

// ran adds event n, read at that time, to the producer's newest run if that is in b, else begins one, and returns it.
// Where runs may be dropped, each is such that it can. Partition and window are locked.
func (p *producer) ran(b *batch, n uint64, at time.Time, droppable bool) *run {
	if p.latest.batch == b && (!droppable || b.goesOn(p, n, at)) && p.extend(p.latest.run, n) {
		return &b.runs[p.latest.place]
	}
	p.latest.batch, p.latest.run, p.latest.place = b, p.open(n), len(b.runs)
	b.runs = append(b.runs, run{producer: p, number: p.latest.run, first: n, at: at})
	return &b.runs[p.latest.place]
}

// refuse gives the next number to an event that is refused. The window is locked.
func (p *producer) refuse(n uint64) {
	p.last = n
	p.window.refused(n)
}

// dropped hears that a run was dropped.
func (p *producer) dropped(r *run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range r.events {
		p.lost(r.first + uint64(i))
	}
	p.decided(r.number)
	p.news() // there is something to say, whether acked has moved or not
}

// settled hears from the lane that a run is decided.
func (p *producer) settled(run uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.decided(run) {
		p.news()
	}
}
