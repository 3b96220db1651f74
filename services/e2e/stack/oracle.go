package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

// Stored is what the oracle found in the stream.
type Stored struct {
	// Partitions hold the events in the order in which they are stored.
	Partitions [][]event.Event

	t testing.TB
}

// Stored decodes the stream as it is now.
func (s *Stack) Stored() Stored {
	s.t.Helper()
	partitions, err := streamtest.Stored(s.t.Context(), s.Stream())
	if err != nil {
		s.t.Fatal(err)
	}
	return Stored{partitions, s.t}
}

// Each is how often every id is there.
func (f Stored) Each() map[string]int {
	ids := map[string]int{}
	for _, events := range f.Partitions {
		for i := range events {
			ids[events[i].ID]++
		}
	}
	return ids
}

// Types counts the events of each type.
func (f Stored) Types() map[string]int {
	types := map[string]int{}
	for _, events := range f.Partitions {
		for i := range events {
			types[events[i].Type]++
		}
	}
	return types
}

// Exactly checks that the stream holds these ids, each once, and nothing else; that every event of a sender is byte for
// byte what was sent; that those of one sender follow each other in every partition as they were sent; and that all of
// one partition key are in one partition.
func (f Stored) Exactly(ids []string) {
	f.t.Helper()
	SameIDs(f.t, "stored", ids, f.Each())
	for p, events := range f.Partitions {
		last := map[string]int{}
		for i := range events {
			f.check(p, &events[i], last)
		}
	}
	f.inOnePlace(func(e *event.Event) string { return e.PartitionKey })
}

// OfSessions is Exactly for senders that each are one named session, whatever it was connected to: the events without a
// partition key are in one partition as well, so that all of a session's order is kept.
func (f Stored) OfSessions(ids []string) {
	f.t.Helper()
	f.Exactly(ids)
	f.inOnePlace(func(e *event.Event) string {
		if e.PartitionKey != "" {
			return ""
		}
		return e.Subject
	})
}

// inOnePlace checks that all events of one name are in one partition; those of no name may be anywhere.
func (f Stored) inOnePlace(name func(*event.Event) string) {
	f.t.Helper()
	places := map[string]int{}
	for p, events := range f.Partitions {
		for i := range events {
			of := name(&events[i])
			if before, known := places[of]; known && before != p && of != "" {
				f.t.Errorf("events of %s are in partitions %d and %d", of, before, p)
			}
			places[of] = p
		}
	}
}

func (f Stored) check(p int, e *event.Event, last map[string]int) {
	f.t.Helper()
	sender, n, ok := parseID(e.ID)
	if !ok {
		f.t.Errorf("partition %d: the id %q is no sender's", p, e.ID)
		return
	}
	if e.Type != Type(n) || string(e.Data) != Data(n) || e.Subject != sender || e.PartitionKey != key(n) {
		f.t.Errorf("partition %d: %s is stored as %+v with data %s", p, e.ID, *e, e.Data)
	}
	if n <= last[sender] {
		f.t.Errorf("partition %d: %s comes after %s", p, e.ID, ID(sender, last[sender]))
	}
	last[sender] = n
}

// SameIDs checks that each of the ids was seen once, and no other.
func SameIDs(t testing.TB, what string, ids []string, seen map[string]int) {
	t.Helper()
	var missing, twice []string
	seen = maps.Clone(seen)
	for _, id := range ids {
		switch n := seen[id]; {
		case n == 0:
			missing = append(missing, id)
		case n > 1:
			twice = append(twice, id)
		}
		delete(seen, id)
	}
	if len(missing)+len(twice)+len(seen) > 0 {
		t.Errorf("%s: of %d events %d are missing (%s), %d are there twice (%s), and %d are there that nobody sent (%s)", what,
			len(ids), len(missing), some(missing), len(twice), some(twice), len(seen), some(slices.Collect(maps.Keys(seen))))
	}
}

// SameCounts checks that two lists hold the same, each as often, in whatever order.
func SameCounts(t testing.TB, want, got []string) {
	t.Helper()
	left := map[string]int{}
	for _, text := range want {
		left[text]++
	}
	for _, text := range got {
		left[text]--
	}
	for text, n := range left {
		if n != 0 {
			t.Errorf("%+d of %.200q (missing +, too many -)", n, text)
		}
	}
}

func some(ids []string) string { return strings.Join(ids[:min(len(ids), 5)], ", ") }

// Counters are the sums of the ledger as Redis has them.
func (s *Stack) Counters() map[string]uint64 {
	s.t.Helper()
	counters, err := streamtest.Counters(s.t.Context(), s.Stream())
	if err != nil {
		s.t.Fatal(err)
	}
	return counters
}

// Counted is what the built-in pipeline counted, by type.
func (s *Stack) Counted() map[string]uint64 {
	s.t.Helper()
	counted, err := streamtest.Counted(s.t.Context(), s.Stream(), state.CountPipeline)
	if err != nil {
		s.t.Fatal(err)
	}
	return counted
}

// Holds is how many entries of the built-in pipeline an instance was given and has not settled.
func (s *Stack) Holds(instance string) int64 {
	s.t.Helper()
	owners, err := streamtest.Owners(s.t.Context(), s.Stream(), state.CountPipeline)
	if err != nil {
		s.t.Fatal(err)
	}
	held := int64(0)
	for consumer, n := range owners {
		if strings.HasPrefix(consumer, instance) {
			held += n
		}
	}
	return held
}

// AwaitProcessed waits until the built-in pipeline has come to the end of the stream, checks that it has processed that
// many events and counted each type as often as it is stored, and returns how long it waited.
func (s *Stack) AwaitProcessed(events int) time.Duration {
	s.t.Helper()
	began := time.Now()
	c := Await(s.t, fmt.Sprintf("%d events are processed", events), func() (map[string]uint64, bool) {
		c := s.Counters()
		return c, c["processed:count"] >= uint64(events) && c["processed:count"] >= c["accepted"]
	})
	took := time.Since(began)
	if c["accepted"] != uint64(events) || c["processed:count"] != uint64(events) {
		s.t.Errorf("%d events were sent; the ledger: %v", events, c)
	}
	s.countedOnce()
	return took
}

// countedOnce compares the built-in pipeline's counts with the types that lie in the stream.
func (s *Stack) countedOnce() {
	s.t.Helper()
	counted, stored := s.Counted(), s.Stored().Types()
	if len(counted) != len(stored) {
		s.t.Errorf("stored types %v, counted %v", stored, counted)
	}
	for kind, n := range stored {
		if counted[kind] != uint64(n) {
			s.t.Errorf("%d events of type %s are stored, %d were counted", n, kind, counted[kind])
		}
	}
}
