package consume

import (
	"context"
	"time"
)

// dispatcher makes batches of entries. It takes whatever comes (room bounds how much that is) and gives a batch away
// when it is full or has waited long enough; while all handlers are busy it gathers.
type dispatcher struct {
	run *run
	// gathering is the batch that fills. What doesn't fit waits: the first entry of it from place `taken` on.
	gathering *batch
	waiting   []*entry
	taken     int
	// again holds batches that failed, until they are due.
	again []*batch
	timer *time.Timer
}

// dispatch runs the dispatcher until no more entries come and all are given away, or until ctx ends.
func (r *run) dispatch(ctx context.Context) {
	defer close(r.batches)
	d := &dispatcher{run: r, gathering: r.spare.Get().(*batch), timer: time.NewTimer(time.Hour)}
	defer d.timer.Stop()
	fed := r.fed
	for {
		ready, wait := d.next(time.Now(), fed == nil)
		if ready == nil && fed == nil && len(r.queue) == 0 {
			return
		}
		var out chan<- *batch
		if ready != nil {
			out = r.batches
		}
		d.timer.Reset(wait)
		select {
		case e := <-r.queue:
			d.waiting = append(d.waiting, e)
		case out <- ready:
			d.gave(ready)
		case b := <-r.failed:
			d.again = append(d.again, b)
		case <-d.timer.C:
		case <-fed:
			fed, d.again = nil, nil // no time left for what fails
		case <-ctx.Done():
			r.discard()
			return
		}
	}
}

// discard takes what still comes, so that no reader hangs on it: it stays in the group.
func (r *run) discard() {
	for {
		select {
		case <-r.queue:
		case <-r.failed:
		case <-r.fed:
			return
		}
	}
}

// next is the batch to give away now, or how long to wait for one.
func (d *dispatcher) next(now time.Time, last bool) (*batch, time.Duration) {
	wait := time.Hour
	for _, b := range d.again {
		if until := b.due.Sub(now); until <= 0 {
			return b, wait
		} else {
			wait = min(wait, until)
		}
	}
	d.gather(now)
	if len(d.gathering.deliveries) == 0 {
		return nil, wait
	}
	until := d.gathering.since.Add(d.run.config.BatchWait).Sub(now)
	if last || until <= 0 || len(d.gathering.deliveries) == d.run.config.BatchEvents {
		return d.gathering, wait
	}
	return nil, min(wait, until)
}

// gather fills the batch from what waits.
func (d *dispatcher) gather(now time.Time) {
	most := d.run.config.BatchEvents
	for len(d.waiting) > 0 && len(d.gathering.deliveries) < most {
		if len(d.gathering.deliveries) == 0 {
			d.gathering.since = now
		}
		e := d.waiting[0]
		if d.taken += d.gathering.fill(e, d.taken, most); d.taken == len(e.events) {
			d.waiting[0], d.waiting, d.taken = nil, d.waiting[1:], 0
		}
	}
}

// gave notes that a batch is a handler's.
func (d *dispatcher) gave(b *batch) {
	if b == d.gathering {
		d.gathering = d.run.spare.Get().(*batch)
		return
	}
	for i := range d.again {
		if d.again[i] == b {
			d.again = append(d.again[:i], d.again[i+1:]...)
			return
		}
	}
}
