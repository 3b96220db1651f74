package produce

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

// benchEvents are as many as an append holds.
const benchEvents = 1000

// BenchmarkAppend is what an event costs, Redis included, in appends of 1,000 events of 150 B: all of them anonymous, or
// spread over so many named sessions, each of which has a mark to be read and written.
func BenchmarkAppend(b *testing.B) {
	for _, sessions := range []int{0, 1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			s := benchStream(b)
			a := NewAppender(s, "g", time.Hour)
			batch := benchBatch(b, s, sessions)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range max(1, b.N/benchEvents) {
				advance(batch)
				if err := a.Append(b.Context(), []*Batch{batch}); err != nil || batch.Stored.Accepted != benchEvents {
					b.Fatal(batch.Stored, err)
				}
				if i%100 == 99 { // the stream may not grow into what is measured
					b.StopTimer()
					if err := s.Redis().XTrimMaxLen(b.Context(), stream.KeysOf(0).Events(), 1).Err(); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			}
		})
	}
}

func benchStream(b *testing.B) *stream.Stream {
	b.Helper()
	s, err := stream.Open(b.Context(), stream.Config{
		URL: streamtest.Redis(b).URL, Partitions: 1, PoolMax: 2, Timeout: 5 * time.Second, Limits: "any",
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// benchBatch has an anonymous part first, as a gateway's has: with all events, or with none beside those of sessions.
func benchBatch(b *testing.B, s *stream.Stream, sessions int) *Batch {
	b.Helper()
	var f event.Frame
	text := fmt.Appendf(nil, `{"id":"0192c0de-0000-7000-8000-000000000000","type":"sensor.reading","data":{"value":42,"unit":"%029d"}}`, 1)
	if err := f.DecodeJSON(text, event.DefaultLimits()); err != nil {
		b.Fatal(err)
	}
	member := event.AppendMember(nil, &f.Events[0], &event.Defaults{Source: "/ws", Received: time.Now()})
	batch := &Batch{Parts: make([]Part, 1, 1+sessions)}
	if sessions == 0 {
		batch.Parts[0].Events = benchEvents
	}
	for i := range sessions {
		session, err := Open(b.Context(), s, "", fmt.Sprint("session-", i), time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		batch.Parts = append(batch.Parts, Part{Session: session})
	}
	for i := range benchEvents {
		p := &batch.Parts[0]
		if sessions > 0 {
			p = &batch.Parts[1+i%sessions]
		}
		p.Bytes = append(p.Bytes, member...)
		if sessions > 0 {
			p.Add(0, len(p.Bytes))
		}
	}
	if n := len(member); n < 140 || n > 160 {
		b.Fatalf("an event has %d bytes", n)
	}
	return batch
}

// advance gives the events of named sessions their next numbers.
func advance(batch *Batch) {
	for i := range batch.Parts {
		numbers := batch.Parts[i].Numbers
		last := uint64(0)
		if len(numbers) > 0 {
			last = numbers[len(numbers)-1]
		}
		for j := range numbers {
			numbers[j] = last + uint64(j) + 1
		}
	}
}
