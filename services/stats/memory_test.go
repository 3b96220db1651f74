package stats

import (
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/streamtest"
	"millrace.dev/pkg/stream/survey"
	"millrace.dev/services/doctor"
)

// seconds after noon, partition 0 and 1 hold so many events in an epoch.
func holding(seconds int, epoch string, events ...uint64) survey.Survey {
	v := survey.Survey{Taken: noon.Add(time.Duration(seconds) * time.Second)}
	for p, n := range events {
		v.Partitions = append(v.Partitions, survey.Partition{Number: p, Epoch: epoch, Ledger: ledger.Ledger{Accepted: n}})
	}
	return v
}

func TestSweepsRememberWhatTheySaw(t *testing.T) {
	var m memory
	for i, c := range []struct {
		sweep survey.Survey
		lost  uint64
	}{
		{holding(0, "a", 10, 20), 0},
		{holding(1, "a", 15, 20), 0},
		{holding(2, "a", 12, 18), 5},
		{holding(3, "a", 12, 19), 0},
		{holding(4, "", 0, 0), 31}, // flushed
		{holding(5, "b", 3, 0), 0},
	} {
		if lost := m.add(c.sweep); lost != c.lost {
			t.Errorf("sweep %d lacks %d, want %d", i, lost, c.lost)
		}
	}
	at := noon.Add(4 * time.Second)
	want := []doctor.PartitionLoss{{Partition: 0, Events: 15, At: at}, {Partition: 1, Events: 21, At: at}}
	if got := m.losses(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("losses %+v, want %+v", got, want)
	}
	s := examined(view{now: noon}, reading{survey: holding(5, "b", 3), read: true, losses: m.losses()}, "redis")
	if len(s.Losses) != 2 {
		t.Errorf("the doctor sees %+v", s.Losses)
	}
}

// The sweeper hands on what it missed, also with the readings after it.
func TestTheSweeperTellsOfALoss(t *testing.T) {
	srv := streamtest.Redis(t)
	handle := open(t, srv.URL)
	s := newSweeper(stream.Config{URL: srv.URL}, quiet())
	s.open(handle)
	send(t, handle, "test", 100)
	s.look(t.Context())
	if r := s.latest.Load(); !r.read || len(r.losses) != 0 {
		t.Fatalf("at first: read %v, losses %+v", r.read, r.losses)
	}
	if err := srv.Client(t).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.look(t.Context())
		var lost uint64
		for _, l := range s.latest.Load().losses {
			lost += l.Events
		}
		if lost != 100 {
			t.Errorf("%d events are missed, want 100", lost)
		}
	}
}
