package stack

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// Session is a producer that knows the protocol from its description alone: a named session whose frames hold several
// events, some of them invalid, which cuts its events into other frames each time it sends them again. It is as hasty
// as the rules allow, and complains of every message that breaks them.
type Session struct {
	// Name begins the ids of its events.
	Name string

	t    testing.TB
	urls []string
	ran  sync.WaitGroup

	mu sync.Mutex
	// last is the number of the last event that exists, sent of the last that was sent at all, acked of the last
	// that is decided.
	last, sent, acked int
	connections       int
	incarnation       string
	// at is the address of the connection that leave gives up; hailed, that it was greeted there.
	at     string
	hailed bool
	leave  context.CancelFunc
	// changed is closed and replaced whenever there is more to send, or less to wait for.
	changed chan struct{}
}

const (
	// unacked is how many events a session sends ahead of what is acknowledged.
	unacked = 200
	// haste is how long it waits for a greeting before it tries the next address.
	haste = 3 * time.Second
)

// Session starts a session that goes from one address to the next with each connection; it ends with the test. What it
// chooses by chance comes from seed.
func (s *Stack) Session(name string, seed uint64, urls ...string) *Session {
	s.t.Helper()
	c := &Session{Name: name, t: s.t, urls: urls, changed: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	c.ran.Go(func() { c.run(ctx, rand.New(rand.NewPCG(seed, 1))) })
	s.t.Cleanup(func() {
		stop()
		c.ran.Wait()
	})
	return c
}

// Flood makes events until ctx ends, a few at a time with a pause between them.
func (c *Session) Flood(ctx context.Context, events int, pause time.Duration) {
	for {
		c.change(func() { c.last += events })
		for c.ahead() > unacked {
			select {
			case <-c.news():
			case <-ctx.Done():
				return
			}
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// LeaveFrom gives up the connection with that address, or the attempt at one, without a word; the session goes on to
// its next address.
func (c *Session) LeaveFrom(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == url {
		c.hailed = false
		c.leave()
	}
}

// IsAt says whether a gateway has greeted the session at that address, and the session has not left it.
func (c *Session) IsAt(url string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hailed && c.at == url
}

// Flush waits until all events are acknowledged.
func (c *Session) Flush(ctx context.Context) {
	c.t.Helper()
	for {
		news := c.news()
		if c.ahead() == 0 {
			return
		}
		select {
		case <-news:
		case <-ctx.Done():
			c.t.Fatalf("%s: %d of %d events are acknowledged", c.Name, c.Acked(), c.last)
		}
	}
}

// Acked is how many events are decided by now, refused ones among them.
func (c *Session) Acked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acked
}

// Connections that it has had.
func (c *Session) Connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connections
}

// Sent are the ids of all its events that must be stored: the valid ones.
func (c *Session) Sent() []string { return ValidIDs(c.Name, c.last) }

func (c *Session) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Session) news() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *Session) ahead() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last - c.acked
}
