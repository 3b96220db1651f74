package consume

import (
	"sync"
	"time"
)

// load sums the time that handlers spend in calls. A call in progress counts as far as it has come: one that takes a
// minute is load for all of it, not at its end.
type load struct {
	origin time.Time // what times are counted from

	mu    sync.Mutex
	calls int // in progress
	// sum is what calls have ended at less what they have begun at: those in progress lack their end.
	sum time.Duration
}

func (l *load) begin(at time.Time) { l.note(1, at) }
func (l *load) end(at time.Time)   { l.note(-1, at) }

func (l *load) note(calls int, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls += calls
	l.sum -= time.Duration(calls) * at.Sub(l.origin)
}

// busy is the sum until now.
func (l *load) busy(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum + time.Duration(l.calls)*now.Sub(l.origin)
}
