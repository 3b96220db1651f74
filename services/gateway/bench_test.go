package gateway

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/stream/produce"
)

// sink stores everything at once.
type sink struct{}

// Append implements appender.
func (sink) Append(_ context.Context, batches []*produce.Batch) error {
	for _, b := range batches {
		b.Stored = produce.Stored{Done: true, Accepted: b.Events()}
	}
	return nil
}

// BenchmarkTake is what an event costs between a frame's bytes and its batch being stored: decoding, numbering, the
// copy, the lane and the window; without socket and Redis.
func BenchmarkTake(b *testing.B) {
	const one = `{"type":"page.viewed","data":{"path":"/products/4711","user":"u-123456","ms":182,"tags":["a","b"]},"partitionkey":"u-123456"}`
	for _, c := range []struct {
		name   string
		frame  string
		events int
		named  bool
	}{
		{"single", one, 1, false},
		{"single/named", one, 1, true},
		{"frame100", array(slices.Repeat([]string{one}, 100)...), 100, false},
		{"frame100/named", array(slices.Repeat([]string{one}, 100)...), 100, true},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkTake(b, c.frame, c.events, c.named) })
	}
}

func benchmarkTake(b *testing.B, text string, events int, named bool) {
	config := bubbleConfig()
	config.BufferEvents, config.BufferBytes = 1<<20, 1<<30 // nobody is to wait, however busy the machine is
	g := newIntake(config, slog.New(slog.NewTextHandler(io.Discard, nil)))
	g.layLanes(8, false, func() appender { return sink{} })
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.runLanes(ctx) }()
	c := newConnection(g, nil, newSocket(nil, nil), &sender{Sender: g.meters.Sender(time.Time{}, "", ""), path: "/ws"}, "bench")
	c.broken = true // nobody listens: acknowledgements are decided and not written
	if named {
		c.resume(new(produce.Session), 1)
	}
	r := strings.NewReader(text)
	limits := g.config.Limits
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Reset(text)
		f := getFrame()
		if err := f.fill(r, limits.FrameBytes); err != nil {
			b.Fatal(err)
		}
		if err := f.DecodeJSON(f.bytes, limits); err != nil {
			b.Fatal(err)
		}
		if end := c.take(f); end != open {
			b.Fatal(end)
		}
		putFrame(f)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}
