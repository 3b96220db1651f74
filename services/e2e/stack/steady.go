package stack

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/histogram"
	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/socket"
)

// Steady is a client that behaves: it sends one event at each step of a clock, whatever comes back, and measures from
// when each was due to its acknowledgement. It complains of all else that it hears: somebody who behaves is not refused,
// nor held back.
type Steady struct {
	// Name begins the ids of its events.
	Name string

	t      testing.TB
	socket *socket.Socket
	ran    sync.WaitGroup
	ended  chan struct{}

	mu   sync.Mutex
	sent int
	due  []due // of the events that are not acknowledged
	// news is closed and replaced with each acknowledgement.
	news chan struct{}
}

// due is when an event was to be sent, and who wants to know how long it took.
type due struct {
	at      time.Time
	latency *histogram.Recorder
}

// Steady connects a client; it ends with the test. query names a session, or is "".
func (s *Stack) Steady(name string, gateway *Service, query string, header http.Header) *Steady {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), proc.Patience)
	defer cancel()
	ws, err := socket.Dial(ctx, gateway.Addr("http"), query, header)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	c := &Steady{Name: name, t: s.t, socket: ws, ended: make(chan struct{}), news: make(chan struct{})}
	c.ran.Go(c.read)
	s.t.Cleanup(func() {
		_ = ws.Close()
		c.ran.Wait()
	})
	return c
}

// AsSession is the query that names a session of that name, which begins.
func AsSession(name string) string { return "?session=" + sessionID(name) + "&next=1" }

// Run sends from first on until ctx ends, waits until all of it is acknowledged, and returns how many events that were.
func (c *Steady) Run(ctx context.Context, first time.Time, step time.Duration, latency *histogram.Recorder) (events int) {
	for at := first; sleep(ctx, max(1, time.Until(at))); at = at.Add(step) {
		c.mu.Lock()
		c.sent++
		c.due = append(c.due, due{at, latency})
		n := c.sent
		c.mu.Unlock()
		if _, err := c.socket.Write(socket.Frame(socket.Text, Events(c.Name, n, n))); err != nil {
			c.t.Errorf("%s: sending event %d: %v", c.Name, n, err)
			return events
		}
		events++
	}
	c.settle()
	return events
}

// settle waits until all is acknowledged.
func (c *Steady) settle() {
	late := time.NewTimer(proc.Patience)
	defer late.Stop()
	for {
		c.mu.Lock()
		open, news := len(c.due), c.news
		c.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-news:
		case <-c.ended:
			c.t.Errorf("%s: the connection ended before %d events were acknowledged", c.Name, open)
			return
		case <-late.C:
			c.t.Errorf("%s: %d events are not acknowledged", c.Name, open)
			return
		}
	}
}

// read takes what the gateway says until the connection ends.
func (c *Steady) read() {
	defer close(c.ended)
	for {
		m, err := c.socket.Message()
		if err != nil {
			return
		}
		if n, ok := socket.Acked(m); ok {
			c.acked(int(n))
		} else if !strings.HasPrefix(m, `{"type":"ping"`) {
			c.t.Errorf("%s behaves, and hears %s", c.Name, m)
		}
	}
}

func (c *Steady) acked(n int) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.sent-len(c.due) < n && len(c.due) > 0 {
		c.due[0].latency.Record(now.Sub(c.due[0].at), 1)
		c.due = c.due[1:]
	}
	close(c.news)
	c.news = make(chan struct{})
}

// Sent are the ids of all events that it sent.
func (c *Steady) Sent() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]string, c.sent)
	for n := range ids {
		ids[n] = ID(c.Name, n+1)
	}
	return ids
}
