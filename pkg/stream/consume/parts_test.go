package consume

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
)

func TestTally(t *testing.T) {
	var tl tally
	for round := range 2 { // a recycled one starts from nothing
		for range 3 {
			for i := range 100 {
				tl.add(state.Add{Key: fmt.Sprint("k", i), Count: int64(i)})
			}
		}
		if len(tl.sums) != 100 {
			t.Fatalf("round %d: %d keys, want 100", round, len(tl.sums))
		}
		for i, a := range tl.sums {
			if a.Key != fmt.Sprint("k", i) || a.Count != int64(3*i) {
				t.Errorf("round %d: %+v at %d", round, a, i)
			}
		}
		tl.reset()
	}
}

func TestMember(t *testing.T) {
	batch := string(encode(t, []string{"a", "b", "c"}, []string{"x", "y", "z"}))
	for i, id := range []string{"a", "b", "c"} {
		events, err := event.DecodeBatch(nil, string(member(batch, i)))
		if err != nil || len(events) != 1 || events[0].ID != id {
			t.Errorf("member %d: %+v, %v", i, events, err)
		}
	}
	if got := string(member(batch, 3)); got != batch {
		t.Errorf("a member that is not there is not the whole batch: %q", got)
	}
	if got := string(member("\xff", 0)); got != "\xff" {
		t.Errorf("what is no batch is changed: %q", got)
	}
}

func TestRoom(t *testing.T) {
	r := roomFor(Config{BatchEvents: 100}, 2, 8) // 100 events a partition
	if n := r.entries(size{entries: 10, events: 100}); n != 10 {
		t.Errorf("room for %d entries of 10 events, want 10", n)
	}
	e := &entry{count: 95, body: strings.Repeat("x", 1000)}
	r.take(e)
	if n := r.entries(size{entries: 10, events: 100}); n != 1 {
		t.Errorf("room for %d entries beside 95 events, want at least and at most 1", n)
	}
	r.take(e)
	if r.any() {
		t.Error("there is room beyond the bound")
	}
	if n := r.overdraft(); n != 10 {
		t.Errorf("%d events may be taken over, want 10", n)
	}
	r.give(e)
	r.give(e)
	if r.used != (size{}) {
		t.Errorf("what is given back is still taken: %+v", r.used)
	}
	r.used.bytes = r.most.bytes
	if r.any() {
		t.Error("there is room for events where there is none for bytes")
	}
}

func TestRipe(t *testing.T) {
	seen, now := make(absence), time.Now()
	a, b, free := owner{0, "a"}, owner{1, "b"}, owner{0, nobody}
	for _, step := range []struct {
		after   time.Duration
		orphans []owner
		want    []owner
	}{
		{0, []owner{a, free}, []owner{free}},
		{time.Second, []owner{a, b}, nil},
		{2 * time.Second, []owner{a, b}, []owner{a}},
		{3 * time.Second, []owner{b}, []owner{b}},
		{4 * time.Second, []owner{a}, nil}, // it was back in between: its time begins again
	} {
		if got := seen.ripe(step.orphans, now.Add(step.after), 2*time.Second); !slices.Equal(got, step.want) {
			t.Errorf("after %v: %v, want %v", step.after, got, step.want)
		}
	}
}

func TestNextID(t *testing.T) {
	for id, want := range map[string]string{"5-0": "5-1", "1795469681412-4101": "1795469681412-4102", "x": "+"} {
		if got := next(id); got != want {
			t.Errorf("next(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	err := Run(t.Context(), nil, Config{Pipeline: "a b", BatchEvents: -1, BatchWait: -1, MinHandlers: 3, MaxHandlers: 2, ScaleEvery: -1, Lease: 1}, nil)
	for _, part := range []string{"name", "batch of -1", "wait", "to 2 handlers", "scale", "lease", "no handler"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not tell of %q: %v", part, err)
		}
	}
}

// dispatching is a run with a dispatcher and nothing else.
func dispatching(c Config) *run {
	r := &run{
		config: c, queue: make(chan *entry, 64), batches: make(chan *batch), failed: make(chan *batch),
		fed: make(chan struct{}), bell: make(chan struct{}, 1),
	}
	r.spare.New = func() any { return newBatch() }
	return r
}

func entryOf(events int) *entry {
	return &entry{lane: &lane{}, id: "1-1", events: make([]event.Event, events), left: events}
}

func TestBatchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := dispatching(Config{BatchEvents: 10, BatchWait: 100 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { r.dispatch(ctx); close(ended) }()
		begin := time.Now()
		expect := func(events int, after time.Duration) {
			t.Helper()
			b := <-r.batches
			if got := time.Since(begin); len(b.deliveries) != events || got != after {
				t.Errorf("a batch of %d after %v, want %d after %v", len(b.deliveries), got, events, after)
			}
		}
		r.queue <- entryOf(3)
		_ = stream.Sleep(ctx, 60*time.Millisecond)
		r.queue <- entryOf(3)
		expect(6, 100*time.Millisecond) // the first has waited long enough
		r.queue <- entryOf(25)
		expect(10, 100*time.Millisecond) // full ones don't wait
		expect(10, 100*time.Millisecond)
		expect(5, 200*time.Millisecond)
		r.queue <- entryOf(2)
		close(r.fed)
		expect(2, 200*time.Millisecond) // at the end nothing waits
		<-ended
		cancel()
	})
}

func TestFailedBatchComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := dispatching(Config{BatchEvents: 10})
		ended := make(chan struct{})
		go func() { r.dispatch(t.Context()); close(ended) }()
		r.queue <- entryOf(4)
		b := <-r.batches
		b.due = time.Now().Add(time.Second)
		r.failed <- b
		r.queue <- entryOf(2)
		if other := <-r.batches; other == b || len(other.deliveries) != 2 {
			t.Error("a batch that failed holds up the others")
		}
		begin := time.Now()
		if again := <-r.batches; again != b || time.Since(begin) != time.Second {
			t.Errorf("it came again after %v, want 1s", time.Since(begin))
		}
		b.due = time.Now().Add(time.Hour)
		r.failed <- b
		close(r.fed)
		for range r.batches {
			t.Error("a batch that failed comes again while there is no time left for it")
		}
		<-ended
	})
}
