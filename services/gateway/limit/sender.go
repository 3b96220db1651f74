package limit

import (
	"time"

	"golang.org/x/time/rate"

	"millrace.dev/pkg/stream/control"
)

// Sender is one connection or request, as the meters count it.
type Sender struct {
	meters    *Meters
	all       []*meter // its credential's, and its address's if that counts
	address   *meter
	connected bool
}

// Connect counts a connection, or says which limit it is over: then it is not counted, unless force is set.
func (s *Sender) Connect(force bool) (over control.Limit) {
	m := s.meters
	m.mu.Lock()
	defer m.mu.Unlock()
	switch most, ofAddress := m.limits[control.Connections], m.limits[control.ConnectionsPerAddress]; {
	case most > 0 && float64(m.connections) >= most:
		over = control.Connections
	case s.address != nil && ofAddress > 0 && float64(s.address.connections) >= ofAddress:
		over = control.ConnectionsPerAddress
	}
	if over != "" && !force {
		return over
	}
	s.connected = true
	m.connections++
	if s.address != nil {
		s.address.connections++
	}
	return over
}

// Close gives the sender back.
func (s *Sender) Close() {
	m := s.meters
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, each := range s.all {
		each.users--
	}
	if !s.connected {
		return
	}
	s.connected = false
	m.connections--
	if s.address != nil {
		s.address.connections--
	}
}

// Claim is what a sender took of its rates. It may be used after Wait, which is 0 if it is within them.
type Claim struct {
	Wait  time.Duration
	at    time.Time
	taken []*rate.Reservation
}

// Undo gives back what was taken, as far as nobody has taken more meanwhile.
func (c Claim) Undo() {
	for _, r := range c.taken {
		r.CancelAt(c.at)
	}
}

// Take claims a frame of that size.
func (s *Sender) Take(now time.Time, events, bytes int) Claim {
	if !s.meters.rated.Load() {
		return Claim{}
	}
	c := Claim{at: now}
	for _, m := range s.all {
		c.take(m.events, events)
		c.take(m.bytes, bytes)
	}
	return c
}

// Session claims a new session, or a new idempotency key.
func (s *Sender) Session(now time.Time) Claim {
	c := Claim{at: now}
	for _, m := range s.all {
		c.take(m.sessions, 1)
	}
	return c
}

func (c *Claim) take(l *rate.Limiter, n int) {
	if n == 0 || l.Limit() == rate.Inf {
		return
	}
	r := l.ReserveN(c.at, min(n, l.Burst()))
	if !r.OK() {
		return
	}
	c.taken = append(c.taken, r)
	c.Wait = max(c.Wait, r.DelayFrom(c.at))
}
