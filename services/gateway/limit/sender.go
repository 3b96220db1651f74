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

// Take takes a frame of that size from its sender's rates, and returns 0; or takes nothing, and returns how long it would
// have to wait. Whoever has anything left may take a whole frame, and so go into debt, which is paid before the next one:
// the rate is exact, large frames have the same chance as small ones, and nothing has ever to be given back.
func (s *Sender) Take(now time.Time, events, bytes int) (wait time.Duration) {
	if !s.meters.rated.Load() {
		return 0
	}
	s.meters.rates.Lock()
	defer s.meters.rates.Unlock()
	now = s.meters.later(now)
	if wait = s.debt(now); wait > 0 {
		return wait
	}
	for _, m := range s.all {
		take(m.events, now, events)
		take(m.bytes, now, bytes)
	}
	return 0
}

// Debt is how long a next frame would have to wait; nothing is taken.
func (s *Sender) Debt(now time.Time) (wait time.Duration) {
	if !s.meters.rated.Load() {
		return 0
	}
	s.meters.rates.Lock()
	defer s.meters.rates.Unlock()
	return s.debt(s.meters.later(now))
}

func (s *Sender) debt(now time.Time) (wait time.Duration) {
	for _, m := range s.all {
		wait = max(wait, debt(m.events, now), debt(m.bytes, now))
	}
	return wait
}

// Charge takes for what was refused, which cost as much as another: at most what is left, so that nobody can put those
// with whom he shares a meter into debt by it.
func (s *Sender) Charge(now time.Time, events, bytes int) {
	if !s.meters.rated.Load() {
		return
	}
	s.meters.rates.Lock()
	defer s.meters.rates.Unlock()
	now = s.meters.later(now)
	for _, m := range s.all {
		take(m.events, now, min(events, int(m.events.TokensAt(now))))
		take(m.bytes, now, min(bytes, int(m.bytes.TokensAt(now))))
	}
}

// Session takes a new session, or a new idempotency key; or it returns how long that has to wait.
func (s *Sender) Session(now time.Time) (wait time.Duration) {
	s.meters.rates.Lock()
	defer s.meters.rates.Unlock()
	now = s.meters.later(now)
	for _, m := range s.all {
		wait = max(wait, debt(m.sessions, now))
	}
	for _, m := range s.all {
		if wait == 0 {
			take(m.sessions, now, 1)
		}
	}
	return wait
}

// debt is how long it takes until a meter has something left. (x/time/rate can take back a reservation only as long as
// nobody has made another: so none is made that would have to be.)
func debt(l *rate.Limiter, now time.Time) time.Duration {
	if l.Limit() == rate.Inf {
		return 0
	}
	left := l.TokensAt(now)
	if left >= 1 {
		return 0
	}
	return max(time.Millisecond, time.Duration((1-left)/float64(l.Limit())*float64(time.Second)))
}

// take takes n, in pieces of a burst at most: a limiter gives no more at once.
func take(l *rate.Limiter, now time.Time, n int) {
	if l.Limit() == rate.Inf {
		return
	}
	for n > 0 {
		piece := min(n, l.Burst())
		l.ReserveN(now, piece)
		n -= piece
	}
}
