package gateway

import (
	"slices"
	"time"
)

// goesOn says whether event n of p, read at that time, continues the newest run in a form in which it can be dropped:
// a piece of one frame without gaps.
func (b *batch) goesOn(p *producer, n uint64, at time.Time) bool {
	if len(b.runs) == 0 {
		return false
	}
	r := &b.runs[len(b.runs)-1]
	return r.producer == p && n == r.first+uint64(r.events) && r.at == at
}

// makeRoom drops the oldest events of anonymous clients until there is room for a frame, and takes it; or until none is
// left that can be dropped (guide: BoundedBuffer). What is on its way to Redis can't: it may be stored already. What goes
// is a whole piece of a frame each time; its sender is told, and it is never acknowledged as stored.
func (g *Gateway) makeRoom(asks asks) bool {
	if g.gate.pace.Load() != nil {
		return false // it is not for want of room
	}
	made := g.room.trade(0, 0, asks.events, asks.bytes)
	for !made {
		r, ok := g.dropOldest()
		if !ok {
			g.room.release(0, 0) // for those who wait
			return false
		}
		g.metrics.dropped.Add(uint64(r.events))
		made = g.room.trade(r.events, r.claimed, asks.events, asks.bytes)
		r.producer.dropped(&r)
	}
	return true
}

// dropOldest takes the oldest run that may be dropped out of its batch.
func (g *Gateway) dropOldest() (run, bool) {
	var from *partition
	var oldest time.Time
	for _, p := range g.partitions {
		if at, ok := p.oldestRun(); ok && (from == nil || at.Before(oldest)) {
			from, oldest = p, at
		}
	}
	if from == nil {
		return run{}, false
	}
	return from.drop()
}

// oldestRun is when the oldest run arrived that may be dropped.
func (p *partition) oldestRun() (at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, i := p.droppable(); b != nil {
		return b.runs[i].at, true
	}
	return time.Time{}, false
}

// droppable finds the oldest run of an anonymous producer; the partition is locked.
func (p *partition) droppable() (*batch, int) {
	for _, b := range p.queue {
		if i := slices.IndexFunc(b.runs, func(r run) bool { return r.producer.session == nil && r.events > 0 }); i >= 0 {
			return b, i
		}
	}
	return nil, 0
}

// drop takes the oldest run out of the queue. Runs lie in the anonymous part in their order, so its bytes are the
// first. Its place among the runs stays, empty, since producers know theirs by it.
func (p *partition) drop() (run, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, i := p.droppable()
	if b == nil {
		return run{}, false
	}
	r := b.runs[i]
	b.runs[i] = run{producer: r.producer, gone: true}
	part := &b.Parts[0]
	part.Events -= r.events
	part.Bytes = part.Bytes[r.size:]
	b.events -= r.events
	b.bytes -= r.size
	b.claimed -= r.claimed
	b.left(r.at, r.events)
	if b.events == 0 {
		p.queue = slices.DeleteFunc(p.queue, func(each *batch) bool { return each == b })
		p.keep(b)
	}
	return r, true
}

// left takes events out of the arrivals.
func (b *batch) left(at time.Time, events int) {
	for i := range b.arrivals {
		if b.arrivals[i].at == at {
			if b.arrivals[i].events -= events; b.arrivals[i].events == 0 {
				b.arrivals = slices.Delete(b.arrivals, i, i+1)
			}
			return
		}
	}
}
