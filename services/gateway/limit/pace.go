package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// paceBurst is what may come at once while all are slowed, in events.
const paceBurst = 100

// Pace lets all senders together in at a rate, by the same rule as a meter.
type Pace struct {
	mu    sync.Mutex
	limit *rate.Limiter
	clock time.Time // the latest: see Meters
}

// NewPace lets so many events in a second.
func NewPace(perSecond float64) *Pace {
	return &Pace{limit: rate.NewLimiter(rate.Limit(perSecond), paceBurst)}
}

// Set changes the rate.
func (p *Pace) Set(now time.Time, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit.SetLimitAt(p.later(now), rate.Limit(perSecond))
}

// Take takes events, and returns 0; or takes nothing, and returns how long they would have to wait.
func (p *Pace) Take(now time.Time, events int) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now = p.later(now)
	if wait = debt(p.limit, now); wait == 0 {
		take(p.limit, now, events)
	}
	return wait
}

func (p *Pace) later(now time.Time) time.Time {
	if now.After(p.clock) {
		p.clock = now
	}
	return p.clock
}
