package consume

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

// BenchmarkConsume is the whole way of an event through the built-in pipeline: read, decoded, counted, settled.
func BenchmarkConsume(b *testing.B) {
	for _, events := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("entry=%d", events), func(b *testing.B) {
			s := stocked(b, max(1, b.N/events), events)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			c := Config{Pipeline: pipeline, BatchEvents: 2000, MinHandlers: 2, MaxHandlers: 2, Metrics: new(Metrics)}
			ended := make(chan error, 1)
			b.ReportAllocs()
			b.ResetTimer()
			go func() { ended <- Run(ctx, s, c, byType) }()
			for c.Metrics.Processed.Load() < uint64(max(1, b.N/events)*events) {
				_ = stream.Sleep(ctx, time.Millisecond)
			}
			b.StopTimer()
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		})
	}
}

func byType(_ context.Context, batch []Delivery) []Result {
	results := make([]Result, len(batch))
	for i := range batch {
		results[i] = Done(state.Add{Key: batch[i].Type, Count: 1})
	}
	return results
}

// stocked is a stream with entries, in memory.
func stocked(b *testing.B, entries, events int) *stream.Stream {
	b.Helper()
	s, err := stream.Open(b.Context(), stream.Config{
		URL: streamtest.Redis(b).URL, Partitions: 8, PoolMax: 20, Timeout: 5 * time.Second, Limits: "any",
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	ids, types := make([]string, events), make([]string, events)
	for i := range events {
		ids[i], types[i] = fmt.Sprintf("0192c0de-0000-7000-8000-%012d", i), fmt.Sprintf("sensor.%d", i%5)
	}
	batch := encode(b, ids, types)
	for i := range entries {
		appendRaw(b, s, i%8, batch, events)
	}
	return s
}

// BenchmarkSettle is one call of settle.lua with entries of 100 events and five types.
func BenchmarkSettle(b *testing.B) {
	for _, entries := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("entries=%d", entries), func(b *testing.B) {
			s := stocked(b, 8*entries*b.N, 1)
			r := bench(b, s, Config{Pipeline: pipeline})
			l := r.lanes[0]
			var all []*settlement
			for range b.N {
				found, err := s.Redis().XReadGroup(b.Context(), readArgs(l.name(), int64(entries))).Result()
				if err != nil {
					b.Fatal(err)
				}
				all = append(all, &settlement{lane: l})
				for _, m := range found[0].Messages {
					e := &entry{lane: l, id: m.ID, processed: 100}
					for k := range 5 {
						e.adds.add(state.Add{Key: fmt.Sprint("sensor.", k), Count: 20})
					}
					all[len(all)-1].entries = append(all[len(all)-1].entries, e)
				}
			}
			b.ResetTimer()
			for _, call := range all {
				if open := r.attempt(b.Context(), []*settlement{call}); len(open) > 0 {
					b.Fatal("not settled")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*entries), "ns/entry")
		})
	}
}
