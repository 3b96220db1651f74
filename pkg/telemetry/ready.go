package telemetry

import (
	"context"
	"errors"
	"time"
)

const (
	// readyWithin is how long a check of readiness may take.
	readyWithin = 2 * time.Second
	// readyFor is how long its outcome serves others: however many ask, a service's dependencies are asked four
	// times a second at most.
	readyFor = 250 * time.Millisecond
)

// flight is one run of the check. err and ended are set before done is closed.
type flight struct {
	done  chan struct{}
	ended time.Time
	err   error
}

// ask returns the outcome of a check that is recent, under way, or made now by the caller for all who wait.
func (h *Health) ask(ctx context.Context) error {
	f, mine := h.join()
	if mine {
		f.run(ctx, h.check)
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Health) join() (f *flight, mine bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flight != nil && !h.flight.stale() {
		return h.flight, false
	}
	h.flight = &flight{done: make(chan struct{})}
	return h.flight, true
}

func (f *flight) stale() bool {
	select {
	case <-f.done:
		return time.Since(f.ended) >= readyFor
	default:
		return false
	}
}

// run makes the check. That the caller hangs up must not fail it for those who wait with him.
func (f *flight) run(ctx context.Context, check func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWithin)
	defer cancel()
	defer func() {
		f.ended = time.Now()
		close(f.done)
	}()
	f.err = errors.New("the check itself failed") // what stays if it panics
	f.err = check(ctx)
}
