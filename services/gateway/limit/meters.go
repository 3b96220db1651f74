package limit

import (
	"sync"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/stream/control"
)

// mostMeters bounds how many credentials, and how many addresses, are counted each on its own; those beyond it share
// one meter. A meter that is full again and has no user is forgotten before.
const mostMeters = 100_000

// Meters count what each credential and each address sends.
type Meters struct {
	bursts Bursts
	// rated says that some rate of events or bytes is limited: while none is, nobody has to ask.
	rated atomic.Bool
	// rates is held while the meters of one sender are looked at and taken from together.
	rates sync.Mutex
	// clock is the latest time that was taken at. Senders read the clock before they are let in here, in any order, and
	// a limiter that is asked with an earlier time gives the same moment's share twice.
	clock time.Time

	mu          sync.Mutex
	limits      Set
	credentials kind
	addresses   kind
	connections int
}

// kind is all meters of one kind, by name.
type kind struct {
	names
	meters map[string]*meter
	others *meter
	swept  time.Time
}

// NewMeters returns meters under those limits.
func NewMeters(s Set, b Bursts) *Meters {
	m := &Meters{
		bursts:      b,
		credentials: kind{names: ofCredential, meters: map[string]*meter{}},
		addresses:   kind{names: ofAddress, meters: map[string]*meter{}},
	}
	m.Set(time.Time{}, s)
	return m
}

// Set makes other limits hold, for those who are connected too.
func (m *Meters) Set(now time.Time, s Set) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rates.Lock()
	defer m.rates.Unlock()
	now = m.later(now)
	m.limits = s
	m.rated.Store(s[control.EventsPerCredential]+s[control.BytesPerCredential]+s[control.EventsPerAddress]+s[control.BytesPerAddress] > 0)
	for _, k := range []*kind{&m.credentials, &m.addresses} {
		for _, each := range k.meters {
			each.set(now, s, k.names, m.bursts)
		}
		if k.others != nil {
			k.others.set(now, s, k.names, m.bursts)
		}
	}
}

// later is the clock, moved on to now; rates is locked.
func (m *Meters) later(now time.Time) time.Time {
	if now.After(m.clock) {
		m.clock = now
	}
	return m.clock
}

// Limits are those that hold.
func (m *Meters) Limits() Set {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limits
}

// Sender is counted under that credential and that address; an address of "" is not counted. Whoever asks for one gives
// it back.
func (m *Meters) Sender(now time.Time, credential, address string) *Sender {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &Sender{meters: m, all: []*meter{m.of(now, &m.credentials, credential)}}
	if address != "" {
		s.address = m.of(now, &m.addresses, address)
		s.all = append(s.all, s.address)
	}
	return s
}

func (m *Meters) of(now time.Time, k *kind, name string) *meter {
	found := k.meters[name]
	if found == nil {
		k.sweep(now)
		found = newMeter(m.limits, k.names, m.bursts)
		switch {
		case len(k.meters) < mostMeters:
			k.meters[name] = found
		case k.others == nil:
			k.others = found
		default:
			found = k.others
		}
	}
	found.users++
	return found
}

// sweep forgets, once a minute, the meters that nobody needs.
func (k *kind) sweep(now time.Time) {
	if now.Sub(k.swept) < time.Minute && len(k.meters) < mostMeters {
		return
	}
	if now.Sub(k.swept) < time.Second {
		return
	}
	k.swept = now
	for name, each := range k.meters {
		if each.users == 0 && each.full(now) {
			delete(k.meters, name)
		}
	}
}
