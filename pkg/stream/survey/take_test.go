package survey

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/consume"
	"millrace.dev/pkg/stream/produce"

	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

func TestRedis(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Redis(t) })
}

func TestEmbedded(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Embedded(t) })
}

// suite is what every server must pass.
func suite(t *testing.T, begin func(*testing.T) *streamtest.Server) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *streamtest.Server)
	}{
		{"an empty stream", testEmpty},
		{"a worker counts what came in", testCounted},
		{"the books balance at every moment", testBalance},
		{"unread entries have an age", testAge},
		{"a group that vanished", testGroupGone},
		{"a stream that is lost", testFlush},
		{"entries that were deleted by hand", testCutByHand},
		{"more pending entries than are counted", testManyPending},
		{"more types than a sweep reads", testManyTypes},
		{"counts of the gateways", testCounts},
		{"what Redis says of itself", testServer},
		{"counts beyond doubles' short form", testLargeCounts},
		{"a Redis that is away", testAway},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, begin(t)) })
	}
}

func testEmpty(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 3)
	v := take(t, s)
	if len(v.Partitions) != 3 || len(v.Leases) != 0 || v.Total().Accepted != 0 || v.Redis.RoundTrip <= 0 {
		t.Errorf("an empty stream: %+v", v)
	}
	for _, p := range v.Partitions {
		if p.Epoch == "" || p.Entries != 0 || p.Newest != "" || len(p.Groups) != 0 {
			t.Errorf("an empty partition: %+v", p)
		}
	}
}

func testCounted(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	worker(t, s, counting)
	a := newAppender(t, s)
	idle := eventually(t, s, "leases of a worker that has nothing to do", func(v Survey) bool { return len(v.Leases) == 2 })
	if l := idle.Leases[0]; l.Pipeline != state.CountPipeline || l.Consumer == "" {
		t.Errorf("lease %+v", l)
	}
	a.add(0, 10, "a")
	a.add(0, 5, "b")
	a.add(1, 7, "a")
	v := eventually(t, s, "all processed", func(v Survey) bool {
		return v.Total().Pipelines[state.CountPipeline].Processed == 22
	})
	total := v.Total()
	if total.Accepted != 22 || total.Pipelines[state.CountPipeline].Pending() != 0 || total.Bytes == 0 {
		t.Errorf("total %+v", total)
	}
	if p := v.Partitions[0]; !maps.Equal(p.Types, map[string]uint64{"a": 10, "b": 5}) || p.Other != 0 || p.Entries != 2 {
		t.Errorf("partition 0: %+v", p)
	}
	if g := v.Partitions[0].Groups[state.CountPipeline]; g.Delivered != v.Partitions[0].Newest || !g.OldestUnread.IsZero() || g.Gone {
		t.Errorf("group %+v", g)
	}
}

// At every moment of a stream at work the accounts balance: surveys race with appends, with workers that settle
// everything in every way, and with workers that leave.
func testBalance(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 3)
	random := rand.New(rand.NewPCG(1, 2))
	hold := make(chan struct{}) // until both kinds of pending have been seen
	mixed := func(_ context.Context, batch []consume.Delivery) []consume.Result {
		<-hold
		results := make([]consume.Result, len(batch))
		for i := range batch {
			if i%7 == 0 {
				results[i] = consume.Filtered()
			} else if i%11 == 0 {
				results[i] = consume.Dead(errTest)
			}
		}
		return results
	}
	appended := make(chan error, 1)
	a := newAppender(t, s)
	go func() {
		var err error
		for i := 0; i < 800 && err == nil; i++ {
			err = a.try(random.IntN(3), 1+random.IntN(40), "t")
		}
		appended <- err
	}()
	stop := worker(t, s, mixed)
	eventually(t, s, "some unread and some at work", func(v Survey) bool {
		a := v.Total().Pipelines[state.CountPipeline]
		return a.Unread > 0 && a.Working > 0
	})
	close(hold)
	for surveys, working := 0, true; working; surveys++ {
		take(t, s)
		if surveys == 20 { // another one takes its place
			stop()
			worker(t, s, mixed)
		}
		select {
		case err := <-appended:
			if err != nil {
				t.Fatal(err)
			}
			working = false
		default:
		}
	}
	v := eventually(t, s, "all settled", func(v Survey) bool { return v.Total().Pipelines[state.CountPipeline].Pending() == 0 })
	if end := v.Total().Pipelines[state.CountPipeline]; end.Processed == 0 || end.Filtered == 0 || end.Dead == 0 {
		t.Errorf("at the end %+v", end)
	}
}

func testAge(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	stop := worker(t, s, counting)
	eventually(t, s, "a group", func(v Survey) bool { return len(v.Leases) == 1 })
	stop()
	eventually(t, s, "that it has left", func(v Survey) bool { return len(v.Leases) == 0 })
	before := time.Now()
	a := newAppender(t, s)
	a.add(0, 3, "t")
	a.add(0, 4, "t")
	v := take(t, s)
	g := v.Partitions[0].Groups[state.CountPipeline]
	if v.Total().Pipelines[state.CountPipeline].Unread != 7 || v.Partitions[0].Newest == "" {
		t.Errorf("survey %+v", v)
	}
	if off := g.OldestUnread.Sub(before); off < -time.Second || off > time.Second || g.OldestUnread.After(v.Taken) {
		t.Errorf("the oldest came at %v, it was sent at %v", g.OldestUnread, before)
	}
}

func testGroupGone(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	a := newAppender(t, s)
	stop := worker(t, s, counting)
	a.add(0, 10, "t")
	eventually(t, s, "processed", func(v Survey) bool { return v.Total().Pipelines[state.CountPipeline].Processed == 10 })
	stop()
	a.add(0, 5, "t")
	if err := s.Redis().XGroupDestroy(t.Context(), stream.KeysOf(0).Events(), state.CountPipeline).Err(); err != nil {
		t.Fatal(err)
	}
	v := take(t, s)
	if g := v.Partitions[0].Groups[state.CountPipeline]; !g.Gone || g.Delivered != "" || g.OldestUnread.IsZero() {
		t.Errorf("group %+v", g)
	}
	worker(t, s, counting) // makes it again
	eventually(t, s, "all processed", func(v Survey) bool {
		a := v.Total().Pipelines[state.CountPipeline]
		return a.Processed >= 15 && a.Pending() == 0 && !v.Partitions[0].Groups[state.CountPipeline].Gone
	})
}

func testFlush(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	worker(t, s, counting)
	a := newAppender(t, s)
	a.add(0, 10, "t")
	before := eventually(t, s, "processed", func(v Survey) bool { return v.Total().Pipelines[state.CountPipeline].Processed == 10 })
	if err := s.Redis().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	after := take(t, s)
	if after.Total().Accepted != 0 || after.Partitions[0].Epoch == before.Partitions[0].Epoch {
		t.Errorf("after the loss %+v", after)
	}
	a.add(0, 3, "t")
	v := eventually(t, s, "work goes on", func(v Survey) bool { return v.Total().Pipelines[state.CountPipeline].Processed == 3 })
	if v.Partitions[0].Epoch == "" {
		t.Error("the stream has no epoch")
	}
}

// What disappears before it was read is missing, and the survey says so.
func testCutByHand(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	stop := worker(t, s, counting)
	eventually(t, s, "a group", func(v Survey) bool { return len(v.Leases) == 1 })
	stop()
	a := newAppender(t, s)
	for range 4 {
		a.add(0, 10, "t")
	}
	if err := s.Redis().XTrimMaxLen(t.Context(), stream.KeysOf(0).Events(), 1).Err(); err != nil {
		t.Fatal(err)
	}
	v, err := Take(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if n := v.Partitions[0].Ledger.Missing(state.CountPipeline); n != 30 {
		t.Errorf("%d are missing, want 30: %+v", n, v.Partitions[0])
	}
}

// deliver has a consumer read everything and settle nothing.
func deliver(t *testing.T, s *stream.Stream, n int64) {
	t.Helper()
	err := s.Redis().XReadGroup(t.Context(), &redis.XReadGroupArgs{
		Group: state.CountPipeline, Consumer: "c", Streams: []string{stream.KeysOf(0).Events(), ">"}, Count: n,
	}).Err()
	if err != nil {
		t.Fatal(err)
	}
}

// entries adds n entries of one event and keeps the book, as many appends would.
func entries(t *testing.T, s *stream.Stream, before uint64, n int) {
	t.Helper()
	k := stream.KeysOf(0)
	pipe := s.Redis().Pipeline()
	for i := range uint64(n) {
		id := fmt.Sprintf("1700000000000-%d", (before+i)*1024+1)
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: k.Events(), ID: id, Values: []any{"b", "", "n", 1}})
	}
	pipe.HSet(t.Context(), k.Ledger(), "accepted", before+uint64(n), "ms", 1700000000000)
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func testManyPending(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	stop := worker(t, s, counting)
	eventually(t, s, "a group", func(v Survey) bool { return len(v.Leases) == 1 })
	stop()
	entries(t, s, 0, mostPending+100)
	deliver(t, s, mostPending)
	if a := take(t, s).Total().Pipelines[state.CountPipeline]; a.Working != mostPending || a.Unread != 100 || a.Uncounted != 0 {
		t.Errorf("as many as are counted: %+v", a)
	}
	deliver(t, s, 100)
	v, err := Take(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	l := v.Total()
	if a := l.Pipelines[state.CountPipeline]; a.Working != mostPending || a.Uncounted != 100 || l.Known(state.CountPipeline) {
		t.Errorf("more than are counted: %+v", a)
	}
	if n := l.Missing(state.CountPipeline); n != 0 {
		t.Errorf("%d are missing for certain, want none", n)
	}
}

func testManyTypes(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	few, many := stream.KeysOf(0).State(state.CountPipeline), stream.KeysOf(1).State(state.CountPipeline)
	values := []any{state.OtherField, 9}
	for i := range 2500 {
		values = append(values, state.Field(fmt.Sprintf("t%d", i)), i)
	}
	for key, v := range map[string][]any{few: values[:10], many: values} {
		if err := s.Redis().HSet(t.Context(), key, v...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	v := take(t, s)
	if p := v.Partitions[0]; len(p.Types) != 4 || p.Other != 9 || p.Kinds != 5 {
		t.Errorf("few types: %+v", p)
	}
	if p := v.Partitions[1]; p.Types != nil || p.Other != 0 || p.Kinds != 2501 {
		t.Errorf("many types: %d were read, %d kinds", len(p.Types), p.Kinds)
	}
	if err := ReadTypes(t.Context(), s, &v); err != nil {
		t.Fatal(err)
	}
	if p := v.Partitions[1]; len(p.Types) != 2500 || p.Types["t2499"] != 2499 || p.Other != 9 {
		t.Errorf("%d types were read aside, other %d", len(p.Types), p.Other)
	}
}

func testCounts(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	for i, gateway := range []string{"gateway-a-1", "gateway-b-2", "gateway-a-1"} {
		if err := produce.WriteCounts(t.Context(), s, gateway, uint64(10+i), uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if v := take(t, s); v.Rejected != 12+11 || v.Dropped != 2+1 {
		t.Errorf("rejected %d, dropped %d, want 23 and 3", v.Rejected, v.Dropped)
	}
}

func testServer(t *testing.T, srv *streamtest.Server) {
	r := take(t, open(t, srv, 1)).Redis
	if r.Durability != stream.DurabilityMemory || r.RoundTrip <= 0 {
		t.Errorf("server %+v", r)
	}
	told := r.Version != "" && r.UsedMemory != nil && *r.UsedMemory > 0 && r.MaxMemory != nil && r.Clients != nil && r.MaxMemoryPolicy != ""
	if told != srv.Can.Info {
		t.Errorf("it tells of itself: %v, want %v: %+v", told, srv.Can.Info, r)
	}
}

// Numbers that Lua would write as 1e+14.
func testLargeCounts(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	const before = 97_656_250_001
	k := stream.KeysOf(0)
	// A group as a worker makes it. A worker itself would still be given entries by the embedded server after it ended.
	if err := s.Redis().XGroupCreateMkStream(t.Context(), k.Events(), state.CountPipeline, "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Redis().HSet(t.Context(), k.Groups(), state.CountPipeline, "0-0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Redis().HSet(t.Context(), k.Ledger(), "trimmed", before, "baseline:"+state.CountPipeline, before).Err(); err != nil {
		t.Fatal(err)
	}
	entries(t, s, before, 5)
	deliver(t, s, 3)
	v := take(t, s)
	if a := v.Total().Pipelines[state.CountPipeline]; a.Working != 3 || a.Unread != 2 || v.Total().Accepted != before+5 {
		t.Errorf("account %+v", a)
	}
	if at := v.Partitions[0].Groups[state.CountPipeline].OldestUnread; at.IsZero() {
		t.Error("the oldest unread entry was not found")
	}
}

func testAway(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v, err := Take(ctx, s); err == nil || !v.Taken.IsZero() {
		t.Errorf("survey %+v (%v)", v, err)
	}
	if !srv.Can.Processes {
		return
	}
	srv.Stop()
	within, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := Take(within, s); err == nil {
		t.Error("a Redis that is away was read")
	}
	srv.Start()
	eventuallyBack(t, s)
}

// eventuallyBack surveys until Redis answers again; it has lost its scripts.
func eventuallyBack(t *testing.T, s *stream.Stream) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := Take(t.Context(), s)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
