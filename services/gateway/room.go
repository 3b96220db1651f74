package gateway

import (
	"context"
	"sync"
	"time"
)

// room is the buffer's bound: how many events, and how many bytes, may be taken from clients and not yet be
// stored, over all partitions (guide: BoundedBuffer(10000)). Those who wait are let in first come, first served.
type room struct {
	mu      sync.Mutex
	events  int64
	bytes   int64
	limits  roomLimits
	waiting []*claim
	// blocked is the time that producers have waited, all together.
	blocked time.Duration
}

type roomLimits struct{ events, bytes int64 }

type claim struct {
	events, bytes int64
	granted       chan struct{}
}

func newRoom(events, bytes int) *room {
	return &room{limits: roomLimits{int64(events), int64(bytes)}}
}

// try takes room for a frame if there is some and nobody waits for it.
func (r *room) try(events, bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) > 0 || !r.fits(int64(events), int64(bytes)) {
		return false
	}
	r.take(int64(events), int64(bytes))
	return true
}

// trade gives back the room of what was dropped, and takes that for a frame if it fits now: room that was made for a
// frame is that frame's, whoever waits.
func (r *room) trade(gone, goneBytes, events, bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(-int64(gone), -int64(goneBytes))
	if !r.fits(int64(events), int64(bytes)) {
		return false
	}
	r.take(int64(events), int64(bytes))
	r.admit()
	return true
}

// wait takes room for a frame as soon as there is some, or returns ctx's error.
func (r *room) wait(ctx context.Context, events, bytes int) error {
	c := &claim{int64(events), int64(bytes), make(chan struct{})}
	began := time.Now()
	r.mu.Lock()
	r.waiting = append(r.waiting, c)
	r.admit()
	r.mu.Unlock()
	var err error
	select {
	case <-c.granted:
	case <-ctx.Done():
		err = r.giveUp(ctx, c)
	}
	r.mu.Lock()
	r.blocked += time.Since(began)
	r.mu.Unlock()
	return err
}

// giveUp withdraws a claim, unless it was granted meanwhile: then it stands.
func (r *room) giveUp(ctx context.Context, c *claim) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, w := range r.waiting {
		if w == c {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			r.admit()
			return context.Cause(ctx)
		}
	}
	return nil
}

// release gives back the room of events that are decided.
func (r *room) release(events, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(-int64(events), -int64(bytes))
	r.admit()
}

// admit lets in those who wait, as far as there is room.
func (r *room) admit() {
	for len(r.waiting) > 0 && r.fits(r.waiting[0].events, r.waiting[0].bytes) {
		c := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.take(c.events, c.bytes)
		close(c.granted)
	}
}

// fits lets a frame into an empty room whatever its size: no valid frame may wait for ever.
func (r *room) fits(events, bytes int64) bool {
	return r.events == 0 || r.events+events <= r.limits.events && r.bytes+bytes <= r.limits.bytes
}

func (r *room) take(events, bytes int64) {
	r.events += events
	r.bytes += bytes
}

// used is what is taken now, and how long producers have waited so far.
func (r *room) used() (events, bytes int64, blocked time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events, r.bytes, r.blocked
}
