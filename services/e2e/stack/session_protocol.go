package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/coder/websocket"
)

// heard is what a gateway says, all kinds in one.
type heard struct {
	Type        string `json:"type"`
	Seq         int    `json:"seq"`
	Code        string `json:"code"`
	Next        int    `json:"next"`
	Last        int    `json:"last"`
	Resumed     bool   `json:"resumed"`
	Incarnation string `json:"incarnation"`
}

// run keeps a connection until ctx ends.
func (c *Session) run(ctx context.Context, random *rand.Rand) {
	for i := random.IntN(len(c.urls)); ctx.Err() == nil; i++ {
		if err := c.connection(ctx, c.urls[i%len(c.urls)], random); err != nil {
			c.t.Errorf("%s: %v", c.Name, err)
			return
		}
		sleep(ctx, time.Duration(random.IntN(100))*time.Millisecond)
	}
}

// connection carries the session over one connection. Its error is what no gateway may do.
func (c *Session) connection(ctx context.Context, url string, random *rand.Rand) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	c.change(func() { c.at, c.hailed, c.leave = url, false, leave })
	next := c.Acked() + 1
	ws, hello, err := c.dial(ctx, fmt.Sprintf("%s?session=%s&next=%d", url, sessionID(c.Name), next))
	if err != nil {
		return nil // nobody is there just now
	}
	defer ws.CloseNow()
	if err := c.greeted(hello, next); err != nil {
		return err
	}
	over := make(chan error, 1)
	go func() {
		defer leave()
		over <- c.read(ctx, ws, next)
	}()
	c.write(ctx, ws, next, random)
	ws.CloseNow()
	return <-over
}

// sessionID is as long as one that is hard to guess.
func sessionID(name string) string { return name + "-0123456789012345678901" }

func (c *Session) dial(ctx context.Context, url string) (*websocket.Conn, heard, error) {
	patient, cancel := context.WithTimeout(ctx, haste)
	defer cancel()
	ws, _, err := websocket.Dial(patient, url, nil)
	if err != nil {
		return nil, heard{}, err
	}
	m, err := hear(patient, ws)
	if err != nil {
		ws.CloseNow()
	}
	return ws, m, err
}

func hear(ctx context.Context, ws *websocket.Conn) (m heard, err error) {
	_, b, err := ws.Read(ctx)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b, &m)
}

// greeted checks a greeting: nothing that was acknowledged is forgotten.
func (c *Session) greeted(m heard, next int) error {
	valid := next - 1
	for Invalid(valid) {
		valid--
	}
	var known string
	c.change(func() {
		c.hailed = true
		c.connections++
		known, c.incarnation = c.incarnation, m.Incarnation
	})
	if m.Type != "hello" || m.Next != next || m.Last < valid || m.Last > c.sentEver() || m.Resumed != (m.Last > 0) {
		return fmt.Errorf("asked for %d, with %d stored for certain and %d sent, it is greeted with %+v", next, valid, c.sentEver(), m)
	}
	if known != "" && known != m.Incarnation {
		return fmt.Errorf("the incarnation %s has become %s", known, m.Incarnation)
	}
	return nil
}

func (c *Session) sentEver() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// write sends what exists, in frames of any size, until the connection ends.
func (c *Session) write(ctx context.Context, ws *websocket.Conn, next int, random *rand.Rand) {
	for {
		to := next + random.IntN(6)
		news := c.news()
		c.mu.Lock()
		to = min(to, c.last, c.acked+unacked)
		c.sent = max(c.sent, to)
		c.mu.Unlock()
		if to >= next {
			if err := ws.Write(ctx, websocket.MessageText, Frame(c.Name, next, to)); err != nil {
				return
			}
			next = to + 1
			continue
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

// read takes what the gateway says until the connection ends. Every invalid event is refused, each time that it is
// sent, before the ack that covers it; no valid one ever is.
func (c *Session) read(ctx context.Context, ws *websocket.Conn, next int) error {
	for {
		m, err := hear(ctx, ws)
		if err != nil {
			return forbidden(err)
		}
		switch m.Type {
		case "error":
			if m.Code != "invalid_event" || !Invalid(m.Seq) || m.Seq < next {
				return fmt.Errorf("event %d is refused as %s; expected is %d", m.Seq, m.Code, next)
			}
			if gap := firstInvalid(next, m.Seq-1); gap != 0 {
				return fmt.Errorf("event %d is refused, and the invalid event %d was not", m.Seq, gap)
			}
			next = m.Seq + 1
		case "ack":
			if gap := firstInvalid(next, m.Seq); gap != 0 {
				return fmt.Errorf("%d is acknowledged, and the invalid event %d was not refused", m.Seq, gap)
			}
			if m.Seq > c.sentEver() {
				return fmt.Errorf("%d is acknowledged, and %d events were sent", m.Seq, c.sentEver())
			}
			next = max(next, m.Seq+1)
			c.change(func() { c.acked = max(c.acked, m.Seq) })
		case "draining":
			return nil
		}
	}
}

// firstInvalid is the first invalid one of the events from..to; 0: there is none.
func firstInvalid(from, to int) int {
	for n := from; n <= to; n++ {
		if Invalid(n) {
			return n
		}
	}
	return 0
}

// forbidden is an error if a connection ended in a way that forbids to connect again.
func forbidden(err error) error {
	code := websocket.CloseStatus(err)
	never := []websocket.StatusCode{1002, 1003, 1007, 1008, 1009}
	if slices.Contains(never, code) || code >= 4500 && code <= 4999 {
		return fmt.Errorf("the gateway ended the session: %w", err)
	}
	if _, malformed := errors.AsType[*json.SyntaxError](err); malformed {
		return fmt.Errorf("a message of the gateway: %w", err)
	}
	return nil
}
