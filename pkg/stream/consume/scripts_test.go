package consume

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

func readArgs(consumer string, n int64) *redis.XReadGroupArgs {
	return &redis.XReadGroupArgs{Group: pipeline, Consumer: consumer, Streams: []string{stream.KeysOf(0).Events(), ">"}, Count: n, Block: -1}
}

// bench is a run whose parts are called by hand.
func bench(t testing.TB, s *stream.Stream, c Config) *run {
	t.Helper()
	r, err := newRun(s, c.withDefaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.reader.Close() })
	if err := r.start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return r
}

func testSettleOwner(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	r := bench(t, s, quick())
	in := sent{}
	fill(t, s, in, 3, 3) // 1, 2 and 3 events
	ids := slices.Concat(read(t, s, r.lanes[0].name(), 1), read(t, s, "other", 1))
	unread := s.Redis().XRange(t.Context(), stream.KeysOf(0).Events(), "("+ids[1], "+").Val()[0].ID
	l := r.lanes[0]
	var entries []*entry
	for i, id := range append(ids, unread, "1-1") {
		e := &entry{lane: l, id: id, count: i + 1, processed: i + 1}
		e.letters = []letter{{index: -1, reason: "x", batch: []byte("b"), events: 1}}
		entries = append(entries, e)
	}
	call := func() []int64 {
		t.Helper()
		keys := []string{l.keys.Events(), l.keys.Ledger(), l.keys.State(pipeline), l.keys.Dead(pipeline)}
		got, err := settleScript.Run(t.Context(), s.Redis(), keys, r.arguments(&settlement{lane: l, entries: entries})...).Int64Slice()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := call(); !slices.Equal(got, []int64{1, 0, 0, 0}) {
		t.Errorf("settled %v, want the first only", got)
	}
	if got := call(); !slices.Equal(got, []int64{0, 0, 0, 0}) {
		t.Errorf("settled %v, want nothing a second time", got)
	}
	a := account(t, s, pipeline).Pipelines[pipeline]
	if a.Processed != 1 || a.Dead != 1 || a.Working != 2 || len(lettersOf(t, s)) != 1 {
		t.Errorf("the books changed with what was not settled: %+v", a)
	}
}

func testClaimRefuses(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	r := bench(t, s, quick())
	in := sent{}
	fill(t, s, in, 4, 4)
	l, k := r.lanes[0], stream.KeysOf(0)
	ids := read(t, s, "dead", 4)
	claim := func(events int) []any {
		t.Helper()
		got, err := claimScript.Run(t.Context(), s.Redis(), []string{k.Events(), k.Lease("dead"), k.Lease(l.name())},
			pipeline, "dead", l.name(), 64, events).Slice()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	s.Redis().Set(t.Context(), k.Lease("dead"), pipeline, time.Minute)
	if got := claim(100); got[0] != "alive" {
		t.Errorf("claimed from one who is alive: %v", got)
	}
	s.Redis().Del(t.Context(), k.Lease("dead"))
	s.Redis().Rename(t.Context(), k.Lease(l.name()), "aside")
	if got := claim(100); got[0] != "lapsed" {
		t.Errorf("claimed without a lease: %v", got)
	}
	s.Redis().Rename(t.Context(), "aside", k.Lease(l.name()))
	got := claim(3) // 1 and 2 events are 3
	if got[0] != "claimed" || len(got) != 3 {
		t.Fatalf("claimed %v, want two entries", got)
	}
	for i, row := range got[1:] {
		if d := claimed(row.([]any)); d.id != ids[i] || d.attempt != 2 || d.body == "" {
			t.Errorf("claimed %q at attempt %d, want %s at 2", d.id, d.attempt, ids[i])
		}
	}
	if got := claim(100); len(got) != 3 {
		t.Errorf("claimed %v, want the other two entries", got)
	}
	if got := claim(100); got[0] != "gone" {
		t.Errorf("claimed %v, want that nothing is left", got)
	}
	if rows := s.Redis().XInfoConsumers(t.Context(), k.Events(), pipeline).Val(); len(rows) != 1 || rows[0].Name != l.name() {
		t.Errorf("consumers: %+v, want only the claimant", rows)
	}
}

func testDeletedByHand(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 3, 3)
	r := bench(t, s, quick())
	ids := read(t, s, r.lanes[0].name(), 3) // as if the reply had been lost
	s.Redis().XDel(t.Context(), stream.KeysOf(0).Events(), ids[1])
	r.lanes[0].doubtful()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	r.handler = counting(newSeen())
	go func() { ended <- r.consume(ctx) }()
	a := settledAll(t, s, pipeline, 10*time.Second)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if srv.Can.Processes && (a.Processed != 4 || a.Dead != 2) {
		t.Errorf("account: %+v, want 4 processed and the 2 that were deleted among the dead", a)
	}
}
