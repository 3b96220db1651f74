package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace.dev/pkg/client"
	"millrace.dev/pkg/histogram"
)

// Load sends events from many clients at once and compares what was acknowledged with what was stored and
// processed. The guide: load_test.py --clients 100 --rate 10000 --duration 60.
type Load struct {
	Target   `embed:""`
	Clients  int           `name:"clients" default:"100" help:"Clients, each with a connection and a session of its own."`
	Rate     int           `name:"rate" default:"10000" help:"Events a second, all clients together. 0: as fast as acknowledgements allow."`
	Duration secs          `name:"duration" default:"60" help:"How long: seconds, or like 1m30s."`
	Frame    int           `name:"frame" default:"1" help:"Events a frame."`
	Quiet    bool          `name:"quiet" short:"q" help:"No progress bar."`
	Patience time.Duration `name:"patience" default:"15s" help:"How long nothing may be processed before the rest counts as missing."`

	Out, Err io.Writer `kong:"-"`
}

// secs is a duration that may be given as a number of seconds, as the guide does.
type secs time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *secs) UnmarshalText(text []byte) error {
	if n, err := strconv.ParseFloat(string(text), 64); err == nil {
		*s = secs(n * float64(time.Second))
		return nil
	}
	d, err := time.ParseDuration(string(text))
	*s = secs(d)
	return err
}

// Validate is called by kong.
func (l Load) Validate() error {
	switch {
	case l.Clients < 1:
		return fmt.Errorf("--clients: %d is less than 1", l.Clients)
	case l.Rate < 0:
		return fmt.Errorf("--rate: %d is negative", l.Rate)
	case l.Frame < 1 || l.Frame > 1000:
		return fmt.Errorf("--frame: %d is not within 1..1000", l.Frame)
	case l.Duration <= 0:
		return fmt.Errorf("--duration: %v is not positive", time.Duration(l.Duration))
	}
	return nil
}

// loadRun is one run of the generator.
type loadRun struct {
	Load
	began     time.Time
	published atomic.Uint64
	acked     atomic.Uint64
	refused   atomic.Uint64
	lost      atomic.Uint64 // sessions of which knowledge was lost, once for each time
	latency   histogram.Recorder
}

// Run generates the load and prints the result. It fails if an acknowledged event is missing.
func (l Load) Run(ctx context.Context) error {
	before, err := l.now(ctx, answerTimeout)
	if err != nil {
		return err
	}
	r := &loadRun{Load: l, began: time.Now()}
	if err := r.generate(ctx); err != nil {
		return err
	}
	took := time.Since(r.began)
	stored := r.acked.Load() - r.refused.Load()
	fmt.Fprintf(l.Out, "acked %d  in %.1f s: %.0f events/s\n", stored, took.Seconds(), float64(stored)/took.Seconds())
	if n := r.lost.Load(); n > 0 {
		fmt.Fprintf(l.Err, "what Redis knew of a session was lost %d times: what was sent again may be stored twice\n", n)
	}
	missing := l.compare(ctx, l.Out, run{before, stored, loadType}, l.Patience)
	h := r.latency.Snapshot()
	fmt.Fprintf(l.Out, "ack latency ms  p50 %s  p99 %s  p99.9 %s\n", quantile(h, 0.5), quantile(h, 0.99), quantile(h, 0.999))
	return missing
}

func quantile(h histogram.Histogram, q float64) string {
	d, ok := h.Quantile(q)
	if !ok {
		return "-"
	}
	return strconv.FormatFloat(d.Seconds()*1e3, 'f', 2, 64)
}

// generate runs all clients until the time is up and everything is acknowledged.
func (r *loadRun) generate(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	bar, done := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	senders, sending := errgroup.WithContext(ctx)
	for i := range r.Clients {
		senders.Go(func() error { return r.client(sending, i) })
	}
	g.Go(func() error { return progress(bar, r.Err, r.Quiet, r.bar) })
	g.Go(func() error {
		defer done()
		return senders.Wait()
	})
	return g.Wait()
}

// client is one session: it publishes in step with the rate, or as fast as its window allows.
func (r *loadRun) client(ctx context.Context, number int) error {
	c, err := client.New(client.Config{
		URL: r.webSocket(), Key: r.Key, Window: max(1000, 2*r.Frame), Lost: func(client.Loss) { r.lost.Add(1) },
	})
	if err != nil {
		return usage("--url: %v", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.Run(ctx) })
	g.Go(func() error {
		defer stop()
		if err := r.publish(ctx, c, number); err != nil {
			return err
		}
		return c.Close(ctx)
	})
	return g.Wait()
}

// onDecided counts the events of a frame that are durable or refused. Those that a session ended before are neither.
func (r *loadRun) onDecided(f client.Frame, err error) {
	refused, _ := errors.AsType[client.Refusals](err)
	if err != nil && refused == nil {
		return
	}
	r.refused.Add(uint64(len(refused)))
	r.acked.Add(uint64(f.Events))
	r.latency.Record(time.Since(f.Queued), uint64(f.Events))
}

// publish queues frames until the time is up. When a client falls behind its rate it catches up, so the latency
// of what waited meanwhile is measured from when it was due.
func (r *loadRun) publish(ctx context.Context, c *client.Client, number int) error {
	frame := loadFrame(number, r.Frame)
	decided := r.onDecided // one for all frames
	end := r.began.Add(time.Duration(r.Duration))
	step := r.step()
	due := r.began.Add(step * time.Duration(number) / time.Duration(r.Clients))
	for ; time.Now().Before(end) && due.Before(end); due = due.Add(step) {
		if step > 0 && !pause(ctx, time.Until(due)) {
			return ctx.Err()
		}
		if err := c.PublishFrame(ctx, frame, r.Frame, decided); err != nil {
			return err
		}
		r.published.Add(uint64(r.Frame))
	}
	return nil
}

// step is the time between two frames of a client; 0 is no pause.
func (r *loadRun) step() time.Duration {
	if r.Rate == 0 {
		return 0
	}
	return time.Second * time.Duration(r.Clients*r.Frame) / time.Duration(r.Rate)
}

// loadType is the type of what load sends: it is counted by that name.
const loadType = "load"

// loadFrame is what a client sends, encoded once: making the events must not be what is measured.
func loadFrame(client, events int) []byte {
	var f framing
	for i := range events {
		f.add(fmt.Appendf(nil, `{"type":"`+loadType+`","subject":"client-%d","data":{"client":%d,"value":%d,"text":"%s"}}`,
			client, client, i, "a line of about the length that events have"))
	}
	if events == 1 {
		return f.json[1:]
	}
	return append(f.json, ']')
}

// bar is the progress.
func (r *loadRun) bar() string {
	const width = 30
	part := min(time.Since(r.began).Seconds()/time.Duration(r.Duration).Seconds(), 1)
	filled := int(part * width)
	return fmt.Sprintf("[%-*s] %3.0f %%  published %d  acked %d", width, strings.Repeat("#", filled), part*100, r.published.Load(), r.acked.Load())
}
