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
	if c := shop.Take(at(0), 100, 1e6); c.Wait != 0 {
		t.Errorf("a first frame waits %v", c.Wait)
	}
	c := again.Take(at(0), 20, 0)
	if c.Wait != 2*time.Second {
		t.Errorf("20 more events of the same credential wait %v", c.Wait)
	}
	c.Undo()
	if c := again.Take(at(1), 10, 0); c.Wait != 0 {
		t.Errorf("after a second, and what was undone: %v", c.Wait)
	}
	if c := other.Take(at(1), 100, 0); c.Wait != 0 {
		t.Errorf("another credential waits %v", c.Wait)
	}
}

// The tighter of two limits counts, and an address that is not counted has none.
func TestRatesOfAddresses(t *testing.T) {
	m := NewMeters(Set{control.EventsPerCredential: 1000, control.BytesPerAddress: 100}, bursts)
	here, there := m.Sender(at(0), "", ""), m.Sender(at(0), "", "10.0.0.1")
	there.Take(at(0), 1, 1000)
	if c := there.Take(at(0), 1, 500); c.Wait != 5*time.Second {
		t.Errorf("500 bytes at 100 a second wait %v", c.Wait)
	}
	if c := here.Take(at(0), 1, 1e6); c.Wait != 0 {
		t.Errorf("this machine waits %v", c.Wait)
	}
}

// A limit that is set at run time holds for those who are connected; one that is lifted, too.
func TestLimitsAtRunTime(t *testing.T) {
	flags := Flags{EventsPerCredential: 1000}
	m := NewMeters(flags.Under(nil), bursts)
	s := m.Sender(at(0), "", "")
	s.Take(at(0), 100, 0)
	m.Set(at(1), flags.Under(map[control.Limit]float64{control.EventsPerCredential: 1}))
	s.Take(at(1), 100, 0)
	if c := s.Take(at(1), 10, 0); c.Wait < 9*time.Second {
		t.Errorf("under the new limit: %v", c.Wait)
	}
	m.Set(at(1), flags.Under(map[control.Limit]float64{control.EventsPerCredential: 0}))
	if c := s.Take(at(1), 100, 0); c.Wait != 0 {
		t.Errorf("without a limit: %v", c.Wait)
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
		if c := s.Session(at(0)); c.Wait != want {
			t.Errorf("session %d waits %v", i, c.Wait)
		}
	}
	if c := m.Sender(at(0), "", "").Session(at(0)); c.Wait != 0 {
		t.Errorf("this machine waits %v", c.Wait)
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
	if c := m.Sender(at(0), "", "and another").Take(at(0), 100, 0); c.Wait == 0 {
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
