package stack

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace.dev/pkg/client"
)

// Sender is a session of the Go SDK that sends events which the oracle knows.
type Sender struct {
	// Name begins the ids of its events.
	Name string

	t      testing.TB
	client *client.Client
	stop   context.CancelFunc
	ran    sync.WaitGroup
	over   error
	sent   int
	acked  atomic.Int64
}

// Sender starts a session with the gateway (or front) at that address; it ends with the test.
func (s *Stack) Sender(name, url string) *Sender {
	s.t.Helper()
	c := &Sender{Name: name, t: s.t}
	var err error
	c.client, err = client.New(client.Config{
		URL: url, RetryLeast: 50 * time.Millisecond, RetryMost: time.Second,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.ran.Go(func() { c.over = c.client.Run(ctx) })
	s.t.Cleanup(c.Close)
	return c
}

// Close ends the session, whatever is acknowledged.
func (c *Sender) Close() {
	c.stop()
	c.ran.Wait()
	if c.over != nil {
		c.t.Errorf("%s: %v", c.Name, c.over)
	}
}

// Send queues the next events as one frame. One goroutine at a time.
func (c *Sender) Send(ctx context.Context, events int) error {
	from := c.sent + 1
	if err := c.client.PublishFrame(ctx, Events(c.Name, from, from+events-1), events, c.decided); err != nil {
		return err
	}
	c.sent += events
	return nil
}

// decided hears what became of a frame: none of ours is refused.
func (c *Sender) decided(f client.Frame, err error) {
	if refused, ok := errors.AsType[client.Refusals](err); ok {
		c.t.Errorf("%s: %v", c.Name, refused)
	}
	if err == nil {
		c.acked.Add(int64(f.Events))
	}
}

// Flood sends frames of that many events until ctx ends, in step with a pause if it is not 0.
func (c *Sender) Flood(ctx context.Context, events int, pause time.Duration) {
	for c.Send(ctx, events) == nil && sleep(ctx, pause) {
	}
}

func sleep(ctx context.Context, pause time.Duration) bool {
	if pause == 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Flush waits until all that was sent is acknowledged.
func (c *Sender) Flush(ctx context.Context) {
	c.t.Helper()
	if err := c.client.Flush(ctx); err != nil {
		c.t.Fatalf("%s: %d of %d events are acknowledged: %v", c.Name, c.acked.Load(), c.sent, err)
	}
}

// Acked is how many events are acknowledged by now.
func (c *Sender) Acked() int { return int(c.acked.Load()) }

// State is what the SDK knows of the session.
func (c *Sender) State() client.State { return c.client.State() }

// Sent are the ids of all events that it queued.
func (c *Sender) Sent() []string {
	ids := make([]string, c.sent)
	for n := range ids {
		ids[n] = ID(c.Name, n+1)
	}
	return ids
}
