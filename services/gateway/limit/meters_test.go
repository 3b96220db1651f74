package limit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/stream/control"
)

var bursts = Bursts{Events: 100, Bytes: 1000}

func at(seconds float64) time.Time { return time.Unix(1000, int64(seconds*1e9)) }

func TestRates(t *testing.T) {
	m := NewMeters(Set{control.EventsPerCredential: 10}, bursts)
	shop, other := m.Sender(at(0), "shop", ""), m.Sender(at(0), "other", "")
	again := m.Sender(at(0), "shop", "10.0.0.1")
	for i, step := range []struct {
		at     float64
		from   *Sender
		events int
		wait   float64 // seconds
	}{
		{0, shop, 90, 0},
		{0, again, 30, 0}, // 10 are left: it goes into debt
		{0, shop, 1, 2.1}, // which is paid first, whoever comes
		{1, again, 100, 1.1},
		{2.1, again, 100, 0}, // a large frame has the same chance
		{2.1, shop, 1, 10},
		{2.1, other, 100, 0},
	} {
		if wait := step.from.Take(at(step.at), step.events, 1e6); (wait - time.Duration(step.wait*1e9)).Abs() > time.Millisecond {
			t.Errorf("step %d waits %v", i, wait)
		}
	}
}

// Who is refused again and again, and many at once, takes nothing from those who wait: the rate is exact.
func TestRefusalsCostNothing(t *testing.T) {
	m := NewMeters(Set{control.EventsPerCredential: 1000}, bursts)
	s := m.Sender(at(0), "", "")
	taken := 0
	for ms := range 8000 {
		for range 24 {
			if s.Take(at(float64(ms)/1000), 100, 0) == 0 {
				taken += 100
			}
		}
	}
	if taken < 8900 || taken > 9200 {
		t.Errorf("%d events were taken in 8 s at 1000 a second and a burst of 1000", taken)
	}
}

// What was refused as invalid is charged, and puts nobody into debt.
func TestCharge(t *testing.T) {
	m := NewMeters(Set{control.EventsPerCredential: 10}, bursts)
	s := m.Sender(at(0), "", "")
	for range 10_000 {
		s.Charge(at(0), 1, 1e6)
	}
	if wait := s.Take(at(0), 1, 0); wait > 100*time.Millisecond || wait == 0 {
		t.Errorf("the next event waits %v", wait)
	}
}

// The tighter of two limits counts, and an address that is not counted has none.
func TestRatesOfAddresses(t *testing.T) {
	m := NewMeters(Set{control.EventsPerCredential: 1000, control.BytesPerAddress: 100}, bursts)
	here, there := m.Sender(at(0), "", ""), m.Sender(at(0), "", "10.0.0.1")
	there.Take(at(0), 1, 1000)
	if wait := there.Take(at(0), 1, 500); (wait - 10*time.Millisecond).Abs() > time.Millisecond {
		t.Errorf("after 1,000 bytes at 100 a second, and 1,000 at once: %v", wait)
	}
	there.Take(at(1), 1, 600)
	if wait := there.Take(at(1), 1, 1); wait < 5*time.Second {
		t.Errorf("after 600 bytes more: %v", wait)
	}
	if wait := here.Take(at(0), 1, 1e6); wait != 0 {
		t.Errorf("this machine waits %v", wait)
	}
}

// A limit that is set at run time holds for those who are connected, who begin with its burst; one that is lifted, too.
func TestLimitsAtRunTime(t *testing.T) {
	flags := Flags{EventsPerCredential: 1000}
	m := NewMeters(Flags{}.Under(nil), bursts)
	s := m.Sender(at(0), "", "")
	s.Take(at(0), 100, 0)
	m.Set(at(1), flags.Under(map[control.Limit]float64{control.EventsPerCredential: 1}))
	if wait := s.Take(at(1), 100, 0); wait != 0 {
		t.Errorf("a first frame under the new limit: %v", wait)
	}
	if wait := s.Take(at(1), 10, 0); wait < 900*time.Millisecond {
		t.Errorf("a second one: %v", wait)
	}
	m.Set(at(1), flags.Under(map[control.Limit]float64{control.EventsPerCredential: 0}))
	if wait := s.Take(at(1), 100, 0); wait != 0 {
		t.Errorf("without a limit: %v", wait)
	}
	m.Set(at(1), flags.Under(nil))
	if got := m.Limits(); got[control.EventsPerCredential] != 1000 || len(got.Names()) != 1 {
		t.Errorf("the flags' again: %v", got)
	}
}

func TestConnections(t *testing.T) {
	m := NewMeters(Set{control.Connections: 3, control.ConnectionsPerAddress: 2}, bursts)
	var open []*Sender
	connect := func(address string, want control.Limit) {
		t.Helper()
		s := m.Sender(at(0), "", address)
		if over := s.Connect(false); over != want {
			t.Errorf("from %q: over %q, want %q", address, over, want)
		}
		if want != "" {
			s.Close()
			return
		}
		open = append(open, s)
	}
	connect("a", "")
	connect("a", "")
	connect("a", control.ConnectionsPerAddress)
	connect("", "")
	connect("", control.Connections)
	open[0].Close()
	connect("a", "")
	connect("b", control.Connections)
	if over := m.Sender(at(0), "", "b").Connect(true); over != control.Connections {
		t.Errorf("counted only: over %q", over)
	}
}

func TestNewSessions(t *testing.T) {
	m := NewMeters(Set{control.SessionsPerAddress: 2}, bursts)
	s := m.Sender(at(0), "", "a")
	for i, want := range []time.Duration{0, 0, 500 * time.Millisecond} {
		if wait := s.Session(at(0)); wait != want {
			t.Errorf("session %d waits %v", i, wait)
		}
	}
	if wait := m.Sender(at(0), "", "").Session(at(0)); wait != 0 {
		t.Errorf("this machine waits %v", wait)
	}
}

// Who comes from ever new addresses fills no memory, and gets no fresh rate for it once there are too many.
func TestMetersAreBounded(t *testing.T) {
	m := NewMeters(Set{control.EventsPerAddress: 1}, bursts)
	for i := range mostMeters + 1000 {
		s := m.Sender(at(0), "", fmt.Sprint(i))
		s.Take(at(0), 100, 0)
		s.Close()
	}
	if n := len(m.addresses.meters); n > mostMeters {
		t.Errorf("%d meters", n)
	}
	s := m.Sender(at(0), "", "one more")
	s.Take(at(0), 100, 0)
	if m.Sender(at(0), "", "and another").Take(at(0), 100, 0) == 0 {
		t.Error("beyond the bound each has a rate of its own")
	}
	m.Sender(at(3600), "", "later")
	if n := len(m.addresses.meters); n > 10 {
		t.Errorf("%d meters are left after an hour", n)
	}
}

func TestFlagsCheck(t *testing.T) {
	err := Flags{EventsPerAddress: -1, Connections: -2}.Check()
	for _, name := range []string{"--limit-events-per-address", "--limit-connections"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in %v", name, err)
		}
	}
}
