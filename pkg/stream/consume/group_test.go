package consume

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

func testGroupVanishes(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 100, 10)
	c := quick()
	c.Metrics = new(Metrics)
	got := newSeen()
	start(t, s, c, counting(got))
	for range 3 {
		before := account(t, s, pipeline).Pipelines[pipeline].Processed
		fill(t, s, in, 40, 10)
		eventually(t, 10*time.Second, "it works", func() bool {
			return account(t, s, pipeline).Pipelines[pipeline].Processed > before
		})
		for p := range s.Partitions() {
			s.Redis().XGroupDestroy(t.Context(), stream.KeysOf(p).Events(), pipeline)
		}
	}
	fill(t, s, in, 40, 10)
	eventually(t, 10*time.Second, "the groups are back", func() bool { return c.Metrics.Recreated.Load() >= 2 })
	a := settledAll(t, s, pipeline, 20*time.Second)
	if a.Processed != uint64(len(in))+a.Replayed {
		t.Errorf("processed %d, sent %d, read again %d", a.Processed, len(in), a.Replayed)
	}
	for id := range in {
		if got.copy()[id] == 0 {
			t.Errorf("event %s was never handled", id)
		}
	}
}

func testAdopted(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 10, 10)
	ctx, k := t.Context(), stream.KeysOf(0)
	s.Redis().XGroupCreate(ctx, k.Events(), pipeline, "0")
	read(t, s, "stranger", 4) // 1+2+3+4 events
	s.Redis().XAck(ctx, k.Events(), pipeline, s.Redis().XRangeN(ctx, k.Events(), "-", "+", 1).Val()[0].ID)
	got := newSeen()
	start(t, s, quick(), counting(got))
	a := settledAll(t, s, pipeline, 10*time.Second)
	if a.Baseline != 1 || a.Processed != uint64(len(in))-1 || a.Replayed != 0 {
		t.Errorf("account: %+v, want all but the one event that was acknowledged before", a)
	}
}

// read reads entries in the name of a consumer that has no lease.
func read(t *testing.T, s *stream.Stream, consumer string, n int64) []string {
	t.Helper()
	found, err := s.Redis().XReadGroup(context.Background(), readArgs(consumer, n)).Result()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range found[0].Messages {
		ids = append(ids, m.ID)
	}
	return ids
}

func testLatePipeline(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 10, 10)
	ctx, k := t.Context(), stream.KeysOf(0)
	// What was trimmed before its group began is not the pipeline's: entries of 1, 2 and 3 events.
	s.Redis().XTrimMinID(ctx, k.Events(), s.Redis().XRangeN(ctx, k.Events(), "-", "+", 4).Val()[3].ID)
	s.Redis().HSet(ctx, k.Ledger(), "trimmed", 6)
	got := newSeen()
	start(t, s, quick(), counting(got))
	a := settledAll(t, s, pipeline, 10*time.Second)
	if a.Baseline != 6 || a.Processed != uint64(len(in))-6 {
		t.Errorf("account: %+v, want a baseline of 6 and the rest processed", a)
	}
}

func testStreamLost(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 20, 10)
	c := quick()
	c.Metrics = new(Metrics)
	start(t, s, c, counting(newSeen()))
	settledAll(t, s, pipeline, 10*time.Second)
	if err := s.Redis().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "both partitions begin anew", func() bool { return c.Metrics.Epochs.Load() == 2 })
	in = sent{}
	fill(t, s, in, 20, 10)
	if a := settledAll(t, s, pipeline, 10*time.Second); a.Processed != uint64(len(in)) || a.Replayed != 0 {
		t.Errorf("account after the loss: %+v, want %d processed", a, len(in))
	}
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
}

func testManyKeys(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	fields := make([]any, 0, 2*(state.MaxKeys-2))
	for i := range state.MaxKeys - 2 {
		fields = append(fields, state.Field("old"+string(rune('0'+i%10))+time.Duration(i).String()), 1)
	}
	key := stream.KeysOf(0).State(pipeline)
	if err := s.Redis().HSet(t.Context(), key, fields...).Err(); err != nil {
		t.Fatal(err)
	}
	appendRaw(t, s, 0, encode(t, []string{"1", "2", "3", "4", "5"}, []string{"new1", "new2", "new3", "new1", "other"}), 5)
	appendRaw(t, s, 0, encode(t, []string{"6", "7"}, []string{"new2", "new4"}), 2)
	c := quick()
	c.MinHandlers, c.MaxHandlers = 1, 1 // so that the entries are settled in their order
	start(t, s, c, counting(newSeen()))
	settledAll(t, s, pipeline, 10*time.Second)
	got := counts(t, s, pipeline)
	if got["new1"] != 2 || got["new2"] != 2 || got["("+state.OtherField+")"] != 3 {
		t.Errorf("new1 %d, new2 %d, beyond %d; want 2, 2, 3", got["new1"], got["new2"], got["("+state.OtherField+")"])
	}
	if n := s.Redis().HLen(t.Context(), key).Val(); n > state.MaxKeys+1 {
		t.Errorf("the state has %d fields", n)
	}
}

// testLargeCounts begins where a number that becomes text by itself turns into 1e+14 in Redis's Lua.
func testLargeCounts(t *testing.T, srv *streamtest.Server) {
	const before = 97_656_250_001
	s := open(t, srv, 1)
	k := stream.KeysOf(0)
	if err := s.Redis().HSet(t.Context(), k.Ledger(), "accepted", before, "trimmed", before, "baseline:"+pipeline, 0,
		"processed:"+pipeline, uint64(before)).Err(); err != nil {
		t.Fatal(err)
	}
	s.Redis().HSet(t.Context(), k.State(pipeline), state.Field("type-0"), uint64(200_000_000_000_000))
	in := sent{}
	fill(t, s, in, 20, 10)
	c := quick()
	c.Metrics = new(Metrics)
	w := start(t, s, c, counting(newSeen()))
	a := settledAll(t, s, pipeline, 10*time.Second)
	if a.Processed != before+uint64(len(in)) {
		t.Errorf("processed %d, want %d", a.Processed, before+uint64(len(in)))
	}
	if got := counts(t, s, pipeline)["type-0"]; got != 200_000_000_000_000+in.types()["type-0"] {
		t.Errorf("type-0 is counted %d times", got)
	}
	w.end(t)
	s.Redis().XGroupDestroy(t.Context(), k.Events(), pipeline)
	start(t, s, c, counting(newSeen()))
	settledAll(t, s, pipeline, 10*time.Second)
}

// testOtherStream: Redis lost the stream, and somebody laid it out anew with another number of partitions.
func testOtherStream(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 5, 5)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { ended <- Run(ctx, s, quick(), counting(newSeen())) }()
	settledAll(t, s, pipeline, 10*time.Second)
	layout := stream.KeysOf(0).Layout()
	_, err := s.Redis().TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.FlushAll(t.Context())
		p.HSet(t.Context(), layout, "partitions", 2, "limits", "any")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, stream.ErrPartitions) {
			t.Errorf("Run: %v, want ErrPartitions", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Run goes on with a stream that is not its own")
	}
}
