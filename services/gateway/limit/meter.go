package limit

import (
	"time"

	"golang.org/x/time/rate"

	"millrace.dev/pkg/stream/control"
)

// meter counts what one credential or one address sends and holds. Its limiters have locks of their own; the rest is
// guarded by that of Meters.
type meter struct {
	events, bytes, sessions *rate.Limiter
	connections             int
	users                   int // senders that hold it
}

// names are the limits of one kind of meter.
type names struct{ events, bytes, sessions control.Limit }

var (
	ofCredential = names{control.EventsPerCredential, control.BytesPerCredential, control.SessionsPerCredential}
	ofAddress    = names{control.EventsPerAddress, control.BytesPerAddress, control.SessionsPerAddress}
)

// Bursts are what may come at once, whatever the rate: the most that one frame has.
type Bursts struct{ Events, Bytes int }

func newMeter(s Set, n names, b Bursts) *meter {
	m := &meter{events: rate.NewLimiter(rate.Inf, b.Events), bytes: rate.NewLimiter(rate.Inf, b.Bytes), sessions: rate.NewLimiter(rate.Inf, 1)}
	m.set(time.Time{}, s, n, b)
	return m
}

// set makes the limits hold from now on. What is saved up stays, as far as the new burst goes.
func (m *meter) set(now time.Time, s Set, n names, b Bursts) {
	setRate(m.events, now, s[n.events], b.Events)
	setRate(m.bytes, now, s[n.bytes], b.Bytes)
	setRate(m.sessions, now, s[n.sessions], 1)
}

// setRate lets through a second's worth at once, or one frame if that is more.
func setRate(l *rate.Limiter, now time.Time, perSecond float64, least int) {
	if perSecond == 0 {
		l.SetLimitAt(now, rate.Inf)
		return
	}
	l.SetBurstAt(now, max(least, int(min(perSecond, 1e12))))
	l.SetLimitAt(now, rate.Limit(perSecond))
}

// full says that nothing would be forgotten with the meter: whoever comes next would find it as it is.
func (m *meter) full(now time.Time) bool {
	for _, l := range []*rate.Limiter{m.events, m.bytes, m.sessions} {
		if l.Limit() != rate.Inf && l.TokensAt(now) < float64(l.Burst()) {
			return false
		}
	}
	return m.connections == 0
}
