package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// counter is a gateway that stores nothing and acknowledges as a real one does: what has come meanwhile, at once.
func counter(events int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		ws.SetReadLimit(-1)
		var seen atomic.Int64
		news := make(chan struct{}, 1)
		defer close(news)
		_ = ws.Write(context.Background(), websocket.MessageText, []byte(`{"type":"hello","heartbeat_ms":30000,"durability":"memory"}`))
		go func() {
			for range news {
				_ = ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, `{"type":"ack","seq":%d}`, seen.Load()))
			}
		}()
		for {
			_, b, err := ws.Read(context.Background())
			if err != nil {
				return
			}
			seen.Add(int64(eventsIn(b, events)))
			select {
			case news <- struct{}{}:
			default:
			}
		}
	}
}

// eventsIn is how many events a frame has, if it is known to have that many, or else by their types.
func eventsIn(frame []byte, events int) int {
	if events > 0 {
		return events
	}
	return strings.Count(string(frame), `"type":`)
}

func BenchmarkFrames(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			server := httptest.NewServer(counter(n))
			defer server.Close()
			one := `{"type":"load","subject":"client-1","data":{"value":1,"text":"a line of about the length that events have"}}`
			frame := []byte("[" + strings.Repeat(one+",", n-1) + one + "]")
			var acked atomic.Int64
			done := func(f Frame, _ error) { acked.Add(int64(f.Events)) }
			c, err := New(Config{URL: server.URL + "/ws"})
			if err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- c.Run(ctx) }()
			b.ReportAllocs()
			for b.Loop() {
				if err := c.PublishFrame(ctx, frame, n, done); err != nil {
					b.Fatal(err)
				}
			}
			if err := c.Flush(ctx); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "events/s")
			stop()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		})
	}
}

// Single events, encoded here and gathered into arrays.
func BenchmarkPublish(b *testing.B) {
	server := httptest.NewServer(counter(0))
	defer server.Close()
	c, err := Open(Config{URL: server.URL + "/ws"})
	if err != nil {
		b.Fatal(err)
	}
	e := Event{Type: "load", Subject: "client-1", Data: json.RawMessage(`{"value":1,"text":"a line of about the length that events have"}`)}
	var acked atomic.Int64
	done := func(error) { acked.Add(1) }
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Publish(b.Context(), e, done); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(b.Context()); err != nil || acked.Load() != int64(b.N) {
		b.Fatalf("%d of %d are durable: %v", acked.Load(), b.N, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
