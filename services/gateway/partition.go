package gateway

import (
	"sync"

	"millrace.dev/pkg/event"
)

// partition is a queue of batches, the last one filling.
type partition struct {
	number int
	lane   *lane

	mu    sync.Mutex
	queue []*batch
	spare []*batch
}

// spareBatches is how many empty batches a partition keeps.
const spareBatches = 4

// put adds an event to the filling batch: the only copy on its way; from here the batch owns the bytes. The
// producer's window is locked by the caller.
func (p *partition) put(from *producer, n uint64, s *event.Span, d *event.Defaults) {
	p.mu.Lock()
	defer p.mu.Unlock() // also if an event can't be written: others share this batch
	b := p.filling(len(s.Raw))
	part := b.part(from)
	before := len(part.Bytes)
	part.Bytes = event.AppendMember(part.Bytes, s, d)
	if from.session == nil {
		part.Events++
	} else {
		part.Add(n, len(part.Bytes))
	}
	size, claimed := len(part.Bytes)-before, claimSize(s)
	b.events++
	b.bytes += size
	b.claimed += claimed
	b.arrived(d.Received)
	r := from.ran(b, n, d.Received, p.lane.dropping)
	r.events++
	r.size += size
	r.claimed += claimed
}

// filling returns the batch that an event of that size goes into.
func (p *partition) filling(size int) *batch {
	if n := len(p.queue); n > 0 && !p.queue[n-1].full(size) {
		return p.queue[n-1]
	}
	b := p.unused()
	p.queue = append(p.queue, b)
	return b
}

func (p *partition) unused() *batch {
	if n := len(p.spare); n > 0 {
		b := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return b
	}
	return newBatch(p.number)
}

// next takes the oldest batch out of the queue, if there is one. From then on nothing is added to it.
func (p *partition) next() *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return nil
	}
	b := p.queue[0]
	p.queue = p.queue[:copy(p.queue, p.queue[1:])]
	return b
}

// recycle takes back a batch that is done with, unless it has grown beyond a batch's usual size.
func (p *partition) recycle(b *batch) {
	if b.bytes > 2*batchBytes {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(b)
}

// keep empties a batch for another use; the partition is locked.
func (p *partition) keep(b *batch) {
	b.reset()
	if len(p.spare) < spareBatches {
		p.spare = append(p.spare, b)
	}
}
