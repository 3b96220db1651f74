package stack

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/histogram"
)

// Crowd are clients that behave side by side.
type Crowd []*Steady

// Fared is how a crowd fared for a while: how many events were sent, and acknowledged, a second of that while, and how
// long that took each.
type Fared struct {
	Events int
	Rate   float64
	P50    time.Duration
	P99    time.Duration
}

// String is for a log.
func (f Fared) String() string {
	return fmt.Sprintf("%d events acknowledged, %.0f/s, p50 %v, p99 %v", f.Events, f.Rate, f.P50, f.P99)
}

// Run lets everybody send until ctx ends, their steps spread evenly, and waits until all is acknowledged.
func (c Crowd) Run(ctx context.Context, step time.Duration) Fared {
	var (
		latency histogram.Recorder
		events  atomic.Int64
		all     sync.WaitGroup
	)
	began := time.Now()
	for i, each := range c {
		first := began.Add(step * time.Duration(i) / time.Duration(len(c)))
		all.Go(func() { events.Add(int64(each.Run(ctx, first, step, &latency))) })
	}
	all.Wait()
	f := Fared{Events: int(events.Load())}
	f.Rate = float64(f.Events) / time.Since(began).Seconds()
	f.P50, _ = latency.Snapshot().Quantile(0.5)
	f.P99, _ = latency.Snapshot().Quantile(0.99)
	f.P50, f.P99 = f.P50.Round(10*time.Microsecond), f.P99.Round(10*time.Microsecond)
	return f
}

// Begin lets everybody send until the function that it returns is called, or the test ends.
func (c Crowd) Begin(step time.Duration) (end func() Fared) {
	ctx, stop := context.WithCancel(context.Background())
	fared := make(chan Fared, 1)
	go func() { fared <- c.Run(ctx, step) }()
	end = sync.OnceValue(func() Fared {
		stop()
		return <-fared
	})
	c[0].t.Cleanup(func() { end() })
	return end
}

// Sent are the ids of all events that they sent.
func (c Crowd) Sent() []string {
	var ids []string
	for _, each := range c {
		ids = append(ids, each.Sent()...)
	}
	return ids
}
