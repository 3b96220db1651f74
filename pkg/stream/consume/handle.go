package consume

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// handle is one handler: it ends when there are no more batches, or when it waits for one and is not needed.
func (r *run) handle(ctx context.Context) {
	r.config.Metrics.Handlers.Add(1)
	defer r.config.Metrics.Handlers.Add(-1)
	for {
		select {
		case b, more := <-r.batches:
			if !more {
				return
			}
			r.work(ctx, b)
		case <-r.idle:
			return
		}
	}
}

// work does one batch.
func (r *run) work(ctx context.Context, b *batch) {
	results, err := r.timed(ctx, b)
	switch {
	case ctx.Err() != nil: // time was up: nobody knows how far it came, so somebody else gets it
	case err != nil:
		r.retry(b, err)
	default:
		r.place(b, results)
		b.reset()
		r.spare.Put(b)
	}
}

// timed calls the handler and measures it.
func (r *run) timed(ctx context.Context, b *batch) ([]Result, error) {
	m := r.config.Metrics
	m.Busy.Add(1)
	begin := time.Now()
	r.load.begin(begin)
	results, err := r.call(ctx, b.deliveries)
	took := time.Since(begin)
	r.load.end(begin.Add(took))
	m.Busy.Add(-1)
	m.Handling.Record(took, uint64(len(b.deliveries)))
	if took > SlowHandler {
		r.slow(b, took)
	}
	return results, err
}

// slow counts a call that took long, and logs it unless another one was logged in the same second: where all calls are
// slow, a line for each would drown the rest.
func (r *run) slow(b *batch, took time.Duration) {
	total := r.config.Metrics.Slow.Add(1)
	now := time.Now().Unix()
	if r.slowSaid.Swap(now) == now {
		return
	}
	first := &b.deliveries[0]
	r.log.Warn("a handler was slow", "took", took.Round(time.Millisecond).String(), "events", len(b.deliveries),
		"first_event", first.ID, "type", first.Type, "entry", first.At.Entry, "slow_calls", total)
}

// call calls the handler. Its panic is an error, which ends nothing but this call.
func (r *run) call(ctx context.Context, batch []Delivery) (results []Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	results = r.handler(ctx, batch)
	if results != nil && len(results) != len(batch) {
		return nil, fmt.Errorf("the handler returned %d results for %d events", len(results), len(batch))
	}
	return results, nil
}

// retry gives a batch that failed back to the dispatcher, which gives it out again later. Its entries stay pending,
// so if this process ends, another gets them.
func (r *run) retry(b *batch, err error) {
	r.config.Metrics.Failed.Add(1)
	pause := b.wait.Next()
	b.due = time.Now().Add(pause)
	for i := range b.deliveries {
		b.deliveries[i].Attempt++
	}
	r.log.Error("a batch failed and is tried again", "error", err, "events", len(b.deliveries),
		"first_event", b.deliveries[0].ID, "entry", b.deliveries[0].At.Entry, "retry_in", pause.String())
	select {
	case r.failed <- b:
	case <-r.fed: // draining
	}
}

// place puts the results back to their entries; those that are complete go to the settler.
func (r *run) place(b *batch, results []Result) {
	at, complete := 0, false
	for _, p := range b.parts {
		var of []Result
		if results != nil {
			of = results[at : at+p.n]
		}
		at += p.n
		if p.entry.place(p.from, p.n, of) {
			p.entry.lane.finish(p.entry)
			complete = true
		}
	}
	if complete {
		ring(r.bell)
	}
}
