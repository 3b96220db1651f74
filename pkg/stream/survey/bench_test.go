package survey

import (
	"log/slog"
	"strconv"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

// BenchmarkTake is a sweep over 8 partitions with entries of 1,000 events and 100 KB, some of them pending, and 100
// types: once with everything delivered, as nearly always, and once with unread entries everywhere.
func BenchmarkTake(b *testing.B) {
	for name, delivered := range map[string]int{"caught up": 100, "behind": 50} {
		b.Run(name, func(b *testing.B) {
			s := fill(b, delivered)
			for b.Loop() {
				if _, err := Take(b.Context(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fill makes a stream of 100 entries a partition.
func fill(b *testing.B, delivered int) *stream.Stream {
	b.Helper()
	s, err := stream.Open(b.Context(), stream.Config{
		URL: streamtest.Redis(b).URL, Partitions: 8, PoolMax: 5, Timeout: time.Second, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	pipe := s.Redis().Pipeline()
	for p := range s.Partitions() {
		k := stream.KeysOf(p)
		for i := range 100 {
			id := ledger.EntryID{Milliseconds: 1700000000000, Before: uint64(i) * 1000, Events: 1000}
			pipe.Do(b.Context(), "XADD", k.Events(), id.String(), "b", make([]byte, 100_000))
			pipe.HIncrBy(b.Context(), k.State(state.CountPipeline), state.Field(strconv.Itoa(i)), 1000)
		}
		pipe.HSet(b.Context(), k.Ledger(), "accepted", 100_000, "ms", 1700000000000)
		pipe.HSet(b.Context(), k.Groups(), state.CountPipeline, "0-0")
		pipe.XGroupCreate(b.Context(), k.Events(), state.CountPipeline, "0")
		pipe.Do(b.Context(), "XREADGROUP", "GROUP", state.CountPipeline, "c", "COUNT", delivered, "STREAMS", k.Events(), ">")
	}
	if _, err := pipe.Exec(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}
