package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/produce"
)

// appender is what a lane needs of produce.Appender; tests of time put another in its place.
type appender interface {
	Append(ctx context.Context, batches []*produce.Batch) error
}

// lane is the one goroutine that appends to a Redis node. It takes what every partition of the node has
// gathered and sends it in one round trip; while that is under way everything gathers. So all partitions
// share one round trip, and one fsync.
type lane struct {
	partitions []*partition
	appender   appender
	room       *room
	metrics    *metrics
	// dropping: what is anonymous may be dropped as long as it is not on its way.
	dropping bool
	// bell wakes the lane; it holds one ring, which is enough for any number of them.
	bell chan struct{}
	// flight is when the oldest event arrived that is being appended; nil when nothing is.
	flight atomic.Pointer[time.Time]
}

func newLane(room *room, m *metrics, a appender) *lane {
	return &lane{room: room, metrics: m, appender: a, bell: make(chan struct{}, 1)}
}

// add gives the lane a partition to serve.
func (l *lane) add(number int) *partition {
	p := &partition{number: number, lane: l}
	l.partitions = append(l.partitions, p)
	return p
}

// ring tells the lane that there is something to append.
func (l *lane) ring() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

// run appends until ctx ends. Everything that was taken before has been appended then, unless hard ends first:
// what is not stored then was not acknowledged either.
func (l *lane) run(ctx, hard context.Context) error {
	for {
		for batches := l.swap(); len(batches) > 0; batches = l.swap() {
			if err := l.append(hard, batches); err != nil {
				return err
			}
		}
		select {
		case <-l.bell:
		case <-ctx.Done():
			if l.idle() {
				return nil
			}
		}
	}
}

// swap takes at most one batch of each partition: an append holds one, and the rest gathers meanwhile.
func (l *lane) swap() []*batch {
	var batches []*batch
	for _, p := range l.partitions {
		if b := p.next(); b != nil {
			batches = append(batches, b)
		}
	}
	return batches
}

func (l *lane) idle() bool {
	for _, p := range l.partitions {
		p.mu.Lock()
		n := len(p.queue)
		p.mu.Unlock()
		if n > 0 {
			return false
		}
	}
	return true
}

// append stores the batches, as often as it takes, and tells everyone who has events in them.
func (l *lane) append(ctx context.Context, batches []*batch) error {
	oldest := oldestOf(batches, time.Time{})
	l.flight.Store(&oldest)
	defer l.flight.Store(nil)
	stored := make([]*produce.Batch, len(batches))
	for i, b := range batches {
		stored[i] = &b.Batch
	}
	err := l.appender.Append(ctx, stored)
	now := time.Now()
	for _, b := range batches {
		if b.Stored.Done {
			l.decided(b, now)
		}
	}
	return err
}

func (l *lane) decided(b *batch, now time.Time) {
	l.metrics.appended(b, now)
	l.room.release(b.events, b.claimed)
	for _, r := range b.runs {
		if !r.gone {
			r.producer.settled(r.number)
		}
	}
	for _, p := range l.partitions {
		if p.number == b.Partition {
			p.recycle(b) // from now on it is somebody else's
			return
		}
	}
}

// oldest is when the oldest event was read that is not stored yet; zero when there is none.
func (l *lane) oldest() time.Time {
	var oldest time.Time
	if at := l.flight.Load(); at != nil {
		oldest = *at
	}
	for _, p := range l.partitions {
		p.mu.Lock()
		oldest = oldestOf(p.queue, oldest)
		p.mu.Unlock()
	}
	return oldest
}

// oldestOf is the earliest arrival in the batches, or before if that is set and earlier.
func oldestOf(batches []*batch, before time.Time) time.Time {
	for _, b := range batches {
		if len(b.arrivals) > 0 && (before.IsZero() || b.arrivals[0].at.Before(before)) {
			before = b.arrivals[0].at
		}
	}
	return before
}

// trouble is what keeps the lanes from appending, for those who ask why they must wait.
type trouble struct {
	code atomic.Pointer[string]
	log  *slog.Logger
	// tell, if set, hears that the reason is another one now.
	tell func()
}

// hear takes every failed try, and nil when one succeeds after it; the log gets one line for each change.
func (t *trouble) hear(err error) {
	code := troubleCode(err)
	if before := t.code.Swap(&code); before != nil && *before == code {
		return
	}
	if t.tell != nil {
		defer t.tell()
	}
	if err == nil {
		t.log.Info("appending to Redis again; what was held back is being stored")
		return
	}
	t.log.Error("appending to Redis fails; events are held back and tried again", "reason", code, "error", err.Error())
}

// now is the reason for which nothing is appended, or overloaded when appends just don't keep up.
func (t *trouble) now() string {
	if code := t.code.Load(); code != nil && *code != "" {
		return *code
	}
	return codeOverloaded
}

func troubleCode(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, stream.ErrFull):
		return codeOverloaded
	}
	return codeUnavailable
}
