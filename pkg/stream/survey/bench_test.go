package survey

import (
	"log/slog"
	"strconv"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

// BenchmarkTake is a sweep over 8 partitions with 100 KB entries, a few of them pending in each, and 100 types.
func BenchmarkTake(b *testing.B) {
	s, err := stream.Open(b.Context(), stream.Config{
		URL: streamtest.Redis(b).URL, Partitions: 8, PoolMax: 5, Timeout: time.Second, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fill := s.Redis().Pipeline()
	for p := range s.Partitions() {
		k := stream.KeysOf(p)
		for i := range 100 {
			fill.Do(b.Context(), "XADD", k.Events(), "1700000000000-"+strconv.Itoa(i*1000*1024+1000), "b", make([]byte, 100_000))
			fill.HIncrBy(b.Context(), k.State(state.CountPipeline), state.Field(strconv.Itoa(i)), 1000)
		}
		fill.HSet(b.Context(), k.Ledger(), "accepted", 100_000, "ms", 1700000000000)
		fill.HSet(b.Context(), k.Groups(), state.CountPipeline, "0-0")
		fill.XGroupCreate(b.Context(), k.Events(), state.CountPipeline, "0")
		fill.Do(b.Context(), "XREADGROUP", "GROUP", state.CountPipeline, "c", "COUNT", 20, "STREAMS", k.Events(), ">")
	}
	if _, err := fill.Exec(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Take(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}
