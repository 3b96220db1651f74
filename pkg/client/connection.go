package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
)

const (
	// connectTimeout bounds a handshake up to the greeting.
	connectTimeout = 10 * time.Second
	// silentBeats is for how many heartbeats a gateway may say nothing before it is taken for gone, and silence how
	// long if it does not tell its heartbeat. Writes have no other bound: a gateway that holds us back reads
	// nothing, for as long as Redis is away, but lets its heart be heard.
	silentBeats = 3
	silence     = 90 * time.Second
	// lastWords is how long a close code may take to be read when writing has failed: it says why.
	lastWords = time.Second
)

// message is what a gateway sends, all kinds in one.
type message struct {
	Type        string `json:"type"`
	Seq         uint64 `json:"seq"`
	Code        string `json:"code"`
	Message     string `json:"message"`
	Help        string `json:"help"`
	Resumed     bool   `json:"resumed"`
	Incarnation string `json:"incarnation"`
	Durability  string `json:"durability"`
	HeartbeatMS int64  `json:"heartbeat_ms"`
}

// patience is how long this gateway, by its greeting, may be silent.
func (m message) patience() time.Duration {
	if m.HeartbeatMS <= 0 {
		return silence
	}
	return silentBeats * time.Duration(m.HeartbeatMS) * time.Millisecond
}

// connection carries the session over one connection, until that ends.
func (c *Client) connection(ctx context.Context) error {
	next := c.queue.rewind()
	ws, patience, err := c.dial(ctx, next)
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	defer c.update(func(s *State) { s.Connected = false })
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.read(ctx, ws, patience) })
	group.Go(func() error {
		err := c.write(ctx, ws)
		sleep(ctx, lastWords)
		return err
	})
	return group.Wait()
}

// dial connects and waits for the greeting: nothing is sent before. It returns how long the gateway may be silent.
func (c *Client) dial(ctx context.Context, next uint64) (*websocket.Conn, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	header := http.Header{}
	if c.config.Key != "" {
		header.Set("Authorization", "Bearer "+c.config.Key)
	}
	ws, response, err := websocket.Dial(ctx, c.config.dialURL(c.session, next), &websocket.DialOptions{
		HTTPClient: c.config.HTTP, HTTPHeader: header,
	})
	if err != nil {
		if response != nil && lasting(response.StatusCode) {
			return nil, 0, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return nil, 0, withoutURL(err)
	}
	m, err := receive(ctx, ws)
	if err == nil && m.Type != "hello" {
		err = fmt.Errorf("the first message is %q, not hello: %s", m.Type, m.Message)
	}
	if err != nil {
		ws.CloseNow()
		return nil, 0, ended(err)
	}
	c.greeted(m, next)
	return ws, m.patience(), nil
}

// withoutURL is an error of net/http without the URL that it quotes: the session in it is a secret.
func withoutURL(err error) error {
	if wrong, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("connecting: %w", wrong.Err)
	}
	return err
}

// lasting says whether an answer to the handshake will be the same next time. One below 400 is not a gateway's.
func lasting(status int) bool {
	return status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// greeted notes what the gateway said of the session. If it does not know a session that has sent already, what
// is sent again may be stored twice.
func (c *Client) greeted(m message, next uint64) {
	c.update(func(s *State) {
		_, acked := c.queue.totals()
		forgotten := acked > c.refused && !m.Resumed // what was refused leaves no trace
		if forgotten || s.Incarnation != "" && s.Incarnation != m.Incarnation {
			s.Lost++
			c.config.Log.Warn("Redis has lost what it knew of this session: what is sent again may be stored twice", "next", next)
		}
		s.Connected, s.Incarnation, s.Durability = true, m.Incarnation, m.Durability
		s.Connections++
	})
}

// update changes the state; only the goroutine of Run does.
func (c *Client) update(change func(*State)) {
	s := *c.state.Load()
	change(&s)
	c.state.Store(&s)
}

// read takes the gateway's messages until the connection ends.
func (c *Client) read(ctx context.Context, ws *websocket.Conn, patience time.Duration) error {
	for {
		patient, cancel := context.WithTimeout(ctx, patience)
		m, err := receive(patient, ws)
		cancel()
		if err != nil {
			return ended(err)
		}
		if err := c.hear(m); err != nil {
			return err
		}
	}
}

func (c *Client) hear(m message) error {
	switch m.Type {
	case "ack":
		for _, f := range c.queue.ack(m.Seq) {
			if c.config.Acked != nil {
				c.config.Acked(f)
			}
		}
	case "error":
		if m.Seq == 0 { // a frame refused whole: the close code that follows says what comes of it
			return fmt.Errorf("%w: %s: %s", ErrRefused, m.Code, m.Message)
		}
		c.hearRefusal(m)
	case "slow":
		c.queue.setSlow(true)
	case "go":
		c.queue.setSlow(false)
	case "draining": // it acknowledges what it has taken, and then closes
		c.queue.setSlow(true)
	}
	return nil
}

// hearRefusal hands on what is new: a frame that is sent again has its events refused again.
func (c *Client) hearRefusal(m message) {
	if m.Seq <= c.lastRefused {
		return
	}
	c.lastRefused = m.Seq
	c.refused++
	if c.config.Refused != nil {
		c.config.Refused(Refusal{m.Seq, m.Code, m.Message, m.Help})
	}
}

// write sends what is queued until the connection ends.
func (c *Client) write(ctx context.Context, ws *websocket.Conn) error {
	for {
		f, err := c.queue.next(ctx)
		if err != nil {
			return err
		}
		if err := ws.Write(ctx, websocket.MessageText, f.JSON); err != nil {
			return err
		}
	}
}

// receive reads one message.
func receive(ctx context.Context, ws *websocket.Conn) (m message, err error) {
	_, b, err := ws.Read(ctx)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("a message of the gateway: %w", err)
	}
	return m, nil
}

// ended turns a close code into an error, by the one rule that clients go by.
func ended(err error) error {
	code := websocket.CloseStatus(err)
	switch {
	case code == 1002, code == 1003, code == 1007, code == 1008, code == 1009, code >= 4500 && code <= 4999:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}
