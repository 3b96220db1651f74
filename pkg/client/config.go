package client

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Config says where to send to and how much may be under way.
type Config struct {
	// URL of the gateway: ws://127.0.0.1:8000/ws.
	URL string
	// Key, if set, is shown to the gateway as a bearer token.
	Key string
	// Window is the most events sent or queued and not acknowledged; Publish waits beyond it. Default 10,000.
	Window int
	// RetryLeast and RetryMost bound the wait before a reconnect, which grows by half each time and is spread
	// (full jitter). Defaults: 1 s and 30 s (guide: ReconnectingWebSocket).
	RetryLeast, RetryMost time.Duration
	// Refused, if set, hears of every event that the gateway refused, once and in order.
	Refused func(Refusal)
	// Acked, if set, hears of every frame that is decided, in order, with what was given to Publish.
	Acked func(f Frame)
	// HTTP, if set, makes the connections: for a proxy, or certificates of one's own. It must have no Timeout, which
	// would end connections that live. Default: http.DefaultClient.
	HTTP *http.Client
	// Log hears of lost connections. Default: slog's.
	Log *slog.Logger
}

// Refusal is an event that the gateway refused: it is not stored, and never will be.
type Refusal struct {
	// Number of the event in the session, from 1.
	Number uint64
	// Code, Message and Help are the gateway's.
	Code, Message, Help string
}

// Errors that end a session.
var (
	// ErrRefused: the gateway closed the session with a code that forbids to reconnect. Sending the same
	// again would end the same.
	ErrRefused = errors.New("the gateway refuses this session")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("the client is closed")
)

func (c Config) withDefaults() Config {
	if c.Window == 0 {
		c.Window = 10_000
	}
	if c.RetryLeast == 0 {
		c.RetryLeast = time.Second
	}
	if c.RetryMost == 0 {
		c.RetryMost = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// check returns the faults of a configuration.
func (c Config) check() error {
	u, err := url.Parse(c.URL)
	if err != nil {
		return fmt.Errorf("URL: %w", err)
	}
	if u.Scheme != "ws" && u.Scheme != "wss" && u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("URL: %q is none of ws://, wss://, http://, https://", c.URL)
	}
	if c.Window < 1 || c.RetryLeast < 0 || c.RetryMost < c.RetryLeast {
		return errors.New("Window must be positive, and RetryMost not below RetryLeast")
	}
	return nil
}

// newSession makes an id that is hard to guess: off loopback it is what keeps others out of the session.
func newSession() string { return rand.Text() }

// dialURL is where the session goes on with event next.
func (c Config) dialURL(session string, next uint64) string {
	u, _ := url.Parse(c.URL) // checked
	q := u.Query()
	q.Set("session", session)
	q.Set("next", fmt.Sprint(next))
	u.RawQuery = q.Encode()
	return u.String()
}
