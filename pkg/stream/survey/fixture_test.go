package survey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/consume"
	"millrace.dev/pkg/stream/produce"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

// open connects to the server and lays out a stream.
func open(t *testing.T, srv *streamtest.Server, partitions int) *stream.Stream {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{
		URL: srv.URL, Partitions: partitions, PoolMax: 20, Timeout: 2 * time.Second, Limits: "any",
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// take is a survey that must succeed, and whose books must balance.
func take(t *testing.T, s *stream.Stream) Survey {
	t.Helper()
	v, err := Take(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, v)
	return v
}

func balanced(t *testing.T, v Survey) {
	t.Helper()
	for _, p := range v.Partitions {
		for name := range p.Ledger.Pipelines {
			if n := p.Ledger.Missing(name); n != 0 || !p.Ledger.Known(name) {
				t.Fatalf("partition %d, pipeline %s: %d missing (known %v): %+v", p.Number, name, n, p.Ledger.Known(name), p)
			}
		}
	}
}

// appender appends as a gateway does.
type appender struct {
	*produce.Appender
	t *testing.T
}

func newAppender(t *testing.T, s *stream.Stream) appender {
	return appender{produce.NewAppender(s, "gateway-test-"+t.Name(), time.Hour), t}
}

// add appends an entry of n events of one type.
func (a appender) add(partition, n int, kind string) {
	a.t.Helper()
	if err := a.try(partition, n, kind); err != nil {
		a.t.Fatal(err)
	}
}

func (a appender) try(partition, n int, kind string) error {
	var f event.Frame
	part := produce.Part{Events: n}
	for i := range n {
		if err := f.DecodeJSON(fmt.Appendf(nil, `{"id":"%d","type":%q}`, i, kind), event.DefaultLimits()); err != nil {
			return err
		}
		part.Bytes = event.AppendMember(part.Bytes, &f.Events[0], &event.Defaults{Source: "/test", Received: time.Now()})
	}
	return a.Append(a.t.Context(), []*produce.Batch{{Partition: partition, Parts: []produce.Part{part}}})
}

// worker is a consume.Run that ends with the test, or before.
func worker(t *testing.T, s *stream.Stream, h consume.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	c := consume.Config{Pipeline: state.CountPipeline, Instance: "worker-test", BatchEvents: 50, Lease: time.Second}
	go func() { done <- consume.Run(ctx, s, c, h) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("consume.Run: %v", err)
		}
		done <- nil
	}
	t.Cleanup(stop)
	return stop
}

var errTest = errors.New("on purpose")

// counting is the handler of the built-in pipeline.
func counting(_ context.Context, batch []consume.Delivery) []consume.Result {
	results := make([]consume.Result, len(batch))
	for i := range batch {
		results[i] = consume.Done(state.Add{Key: batch[i].Type, Count: 1})
	}
	return results
}

// eventually surveys until what holds, and checks the books each time.
func eventually(t *testing.T, s *stream.Stream, what string, holds func(Survey) bool) Survey {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		v := take(t, s)
		if holds(v) {
			return v
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s; last %+v", what, v)
		}
	}
}
