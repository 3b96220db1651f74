package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Client is one session. Its methods may be called by several goroutines.
type Client struct {
	config  Config
	session string
	queue   *queue
	state   atomic.Pointer[State]
	// refused are the events that were refused, lastRefused the number of the last one: what is sent again is
	// refused again. Only the goroutine that reads uses them, one connection after the other.
	refused, lastRefused uint64
}

// State is what the client knows of its session.
type State struct {
	// Connected: a gateway has greeted us and has not gone.
	Connected bool
	// Connections made so far.
	Connections int
	// Durability is what an acknowledgement of this gateway survives.
	Durability string
	// Incarnation of the stream. Lost counts how often it changed under us or the gateway had forgotten the
	// session: each time, what was resent may be stored twice.
	Incarnation string
	Lost        int
}

// New makes a client. Run has to be called for anything to be sent.
func New(c Config) (*Client, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	client := &Client{config: c, session: newSession(), queue: newQueue()}
	client.state.Store(&State{})
	return client, nil
}

// Publish queues a frame of events: the JSON of one, or of an array of that many. It waits while the window is
// full; a frame that is larger than the window goes alone. That it returns nil says nothing about the events yet: see Config.Acked, Flush.
func (c *Client) Publish(ctx context.Context, json []byte, events int) error {
	if events < 1 {
		return fmt.Errorf("a frame of %d events: there is nothing to acknowledge", events)
	}
	return c.queue.put(ctx, Frame{JSON: json, Events: events, Queued: time.Now()}, c.config.Window)
}

// Flush waits until everything that was published is decided: durable, or refused.
func (c *Client) Flush(ctx context.Context) error { return c.queue.flush(ctx) }

// Totals are the events published and those of them that are decided.
func (c *Client) Totals() (published, acked uint64) { return c.queue.totals() }

// State is what the client knows of its session now.
func (c *Client) State() State { return *c.state.Load() }

// Run keeps a connection until ctx ends, and then returns nil; or until the gateway forbids to go on: ErrRefused.
func (c *Client) Run(ctx context.Context) error {
	wait := retry{least: c.config.RetryLeast, most: c.config.RetryMost}
	for {
		began := time.Now()
		err := c.connection(ctx)
		switch {
		case ctx.Err() != nil:
			c.queue.end(ErrClosed)
			return nil
		case errors.Is(err, ErrRefused):
			c.queue.end(err)
			return err
		}
		if time.Since(began) > c.config.RetryMost {
			wait.tries = 0
		}
		pause := wait.next()
		c.config.Log.Warn("connection lost; what is not acknowledged will be sent again",
			"error", err, "retry_in", pause.Round(time.Millisecond).String())
		if !sleep(ctx, pause) {
			c.queue.end(ErrClosed)
			return nil
		}
	}
}

// retry is the guide's ReconnectingWebSocket: from least to most by half each time, with full jitter.
type retry struct {
	least, most time.Duration
	tries       int
}

func (r *retry) next() time.Duration {
	d := float64(r.least)
	for range r.tries {
		if d >= float64(r.most) {
			break
		}
		d *= 1.5
	}
	r.tries++
	return rand.N(min(time.Duration(d), r.most) + 1)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
