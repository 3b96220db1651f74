package consume

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

const pipeline = state.CountPipeline

// quick is a configuration whose times suit a test.
func quick() Config {
	return Config{Pipeline: pipeline, BatchEvents: 100, Lease: 500 * time.Millisecond, Drain: 5 * time.Second}
}

func testEveryEventOnce(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 4)
	in := sent{}
	fill(t, s, in, 60, 30)
	got := newSeen()
	one, two := start(t, s, quick(), counting(got)), start(t, s, quick(), counting(got))
	fill(t, s, in, 60, 30)
	if a := settledAll(t, s, pipeline, 20*time.Second); a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	one.end(t)
	two.end(t)
	once(t, in, got)
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
	if n := consumers(t, s); n != 0 {
		t.Errorf("%d consumers are left after a clean drain", n)
	}
}

// once checks that each event that was sent came to a handler exactly once.
func once(t *testing.T, in sent, got *seen) {
	t.Helper()
	times := got.copy()
	for id := range in {
		if times[id] != 1 {
			t.Errorf("event %s was handled %d times", id, times[id])
		}
	}
	if len(times) != len(in) {
		t.Errorf("%d events were handled, %d were sent", len(times), len(in))
	}
}

// consumers counts those that the groups know.
func consumers(t *testing.T, s *stream.Stream) int {
	t.Helper()
	n := 0
	for p := range s.Partitions() {
		rows, err := s.Redis().XInfoConsumers(context.Background(), stream.KeysOf(p).Events(), pipeline).Result()
		if err != nil {
			t.Fatal(err)
		}
		n += len(rows)
	}
	return n
}

func testBatchesCrossEntries(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 40, 7) // entries of 1 to 7 events: 157
	var mu sync.Mutex
	var sizes []int
	c := quick()
	c.BatchEvents, c.BatchWait, c.MinHandlers, c.MaxHandlers = 10, 50*time.Millisecond, 1, 1
	got := newSeen()
	start(t, s, c, func(_ context.Context, batch []Delivery) []Result {
		mu.Lock()
		sizes = append(sizes, len(batch))
		mu.Unlock()
		got.note(batch)
		for i := 1; i < len(batch); i++ {
			a, b := batch[i-1].At, batch[i].At
			if a.Entry == b.Entry && a.Index+1 != b.Index {
				t.Errorf("event %d of entry %s follows event %d", b.Index, b.Entry, a.Index)
			}
		}
		return nil
	}).wait(t, func() bool { return account(t, s, pipeline).Pipelines[pipeline].Pending() == 0 })
	once(t, in, got)
	mu.Lock()
	defer mu.Unlock()
	if n := slices.Max(sizes); n != 10 {
		t.Errorf("the largest batch has %d events, want 10: %v", n, sizes)
	}
	if len(sizes) > 40 {
		t.Errorf("%d batches for 40 entries: they don't cross", len(sizes))
	}
}

// wait waits until what holds, and then ends the worker.
func (w *worker) wait(t *testing.T, holds func() bool) {
	t.Helper()
	eventually(t, 20*time.Second, "the work is done", holds)
	w.end(t)
}

func testResults(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	ids := []string{"a", "b", "c", "d"}
	entry := appendRaw(t, s, 0, encode(t, ids, []string{"keep", "skip", "kill", "keep"}), 4)
	start(t, s, quick(), func(_ context.Context, batch []Delivery) []Result {
		results := Every(len(batch), Done(state.Add{Key: "x", Count: 2}, state.Add{Key: "y", Count: 3}))
		for i := range batch {
			switch batch[i].Type {
			case "skip":
				results[i] = Filtered()
			case "kill":
				results[i] = Dead(errors.New("no such thing"))
			}
		}
		return results
	})
	a := settledAll(t, s, pipeline, 10*time.Second)
	if a.Processed != 2 || a.Filtered != 1 || a.Dead != 1 {
		t.Errorf("account: %+v", a)
	}
	if got := counts(t, s, pipeline); got["x"] != 4 || got["y"] != 6 || len(got) != 2 {
		t.Errorf("state: %v", got)
	}
	letters := lettersOf(t, s)
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	l := letters[0]
	events, err := event.DecodeBatch(nil, l["b"].(string))
	if err != nil || len(events) != 1 || events[0].ID != "c" || string(events[0].Data) != `{"n":2}` {
		t.Errorf("the letter holds %+v, %v", events, err)
	}
	if l["entry"] != entry || l["index"] != "2" || l["error"] != "no such thing" || l["n"] != "1" {
		t.Errorf("letter: %v", l)
	}
}

func lettersOf(t *testing.T, s *stream.Stream) []map[string]any {
	t.Helper()
	var all []map[string]any
	for p := range s.Partitions() {
		rows, err := s.Redis().XRange(context.Background(), stream.KeysOf(p).Dead(pipeline), "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			all = append(all, row.Values)
		}
	}
	return all
}

func testUndecodable(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 3, 3)
	appendRaw(t, s, 0, []byte("\xff\xff\xff garbage"), 5)                      // no protobuf
	appendRaw(t, s, 0, encode(t, []string{"m1", "m2"}, []string{"t", "t"}), 3) // holds fewer than it says
	appendRaw(t, s, 0, append([]byte{8, 99}, encode(t, nil, nil)...), 1)       // of a version to come
	fill(t, s, in, 3, 3)
	got := newSeen()
	start(t, s, quick(), counting(got))
	a := settledAll(t, s, pipeline, 10*time.Second)
	if a.Processed != uint64(len(in)) || a.Dead != 9 {
		t.Errorf("processed %d of %d, dead %d of 9", a.Processed, len(in), a.Dead)
	}
	once(t, in, got)
	letters := lettersOf(t, s)
	if len(letters) != 3 {
		t.Fatalf("%d dead letters", len(letters))
	}
	for i, n := range []string{"5", "3", "1"} {
		if letters[i]["n"] != n || letters[i]["index"] != "" || letters[i]["error"] == "" {
			t.Errorf("letter %d: %v", i, letters[i])
		}
	}
}

func testPanic(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 10, 5)
	c := quick()
	c.Metrics = new(Metrics)
	got := newSeen()
	var mu sync.Mutex
	panics, attempt := 0, 0
	start(t, s, c, func(ctx context.Context, batch []Delivery) []Result {
		mu.Lock()
		defer mu.Unlock()
		if panics < 3 {
			panics++
			panic("as a handler may")
		}
		attempt = max(attempt, batch[0].Attempt)
		return counting(got)(ctx, batch)
	})
	a := settledAll(t, s, pipeline, 10*time.Second)
	if a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	once(t, in, got)
	mu.Lock()
	defer mu.Unlock()
	if n := c.Metrics.Failed.Load(); n != 3 {
		t.Errorf("%d failures counted, want 3", n)
	}
	if attempt < 2 {
		t.Errorf("the batch that was tried again says attempt %d", attempt)
	}
}

func testMiscount(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 4, 4)
	got := newSeen()
	var once sync.Once
	start(t, s, quick(), func(ctx context.Context, batch []Delivery) (results []Result) {
		results = counting(got)(ctx, batch)
		once.Do(func() { results = append(results, Done()) })
		return results
	})
	if a := settledAll(t, s, pipeline, 10*time.Second); a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
}
