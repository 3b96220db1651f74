package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says where to send to and how much may be under way.
type Config struct {
	// URL of the gateway: ws://127.0.0.1:8000/ws.
	URL string
	// Key, if set, is shown to the gateway as a bearer token.
	Key string
	// Window is the most events queued or sent that are not decided; who publishes waits beyond it. Default 10,000.
	Window int
	// WindowBytes is the same of their JSON in bytes. Default 16 MiB.
	WindowBytes int
	// RetryLeast and RetryMost bound the wait before a reconnect, which grows by half each time and is spread
	// (full jitter). Defaults: 1 s and 30 s (guide: ReconnectingWebSocket).
	RetryLeast, RetryMost time.Duration
	// Lost, if set, hears that what was known of the session is lost; if not, Log does. It is called on the goroutine of Run, so it must
	// be quick and must not wait for the client.
	Lost func(Loss)
	// HTTP, if set, makes the connections: for a proxy, or certificates of one's own. It must have no Timeout, which
	// would end connections that live. Default: http.DefaultClient.
	HTTP *http.Client
	// Log hears of lost connections. Default: slog's.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Window == 0 {
		c.Window = 10_000
	}
	if c.WindowBytes == 0 {
		c.WindowBytes = 16 << 20
	}
	if c.RetryLeast == 0 {
		c.RetryLeast = time.Second
	}
	if c.RetryMost == 0 {
		c.RetryMost = max(30*time.Second, c.RetryLeast)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// check returns the faults of a configuration, all at once. It quotes neither the URL nor the key: both hold secrets.
func (c Config) check() error {
	var faults []error
	if err := checkURL(c.URL); err != nil {
		faults = append(faults, err)
	}
	if strings.ContainsFunc(c.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		faults = append(faults, errors.New("Key: it has characters that no key has: only visible ASCII goes in a header"))
	}
	if c.Window < 1 || c.WindowBytes < 1 {
		faults = append(faults, errors.New("Window and WindowBytes must be positive"))
	}
	if c.RetryLeast < 0 || c.RetryMost < c.RetryLeast {
		faults = append(faults, errors.New("RetryLeast must not be negative, and RetryMost not below it"))
	}
	return errors.Join(faults...)
}

func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("URL: it is not one")
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return fmt.Errorf("URL: its scheme is %q, none of ws, wss, http, https", u.Scheme)
	}
	if u.Host == "" {
		return errors.New("URL: it names no host")
	}
	return nil
}

// dialURL is where the session goes on with event next.
func (c Config) dialURL(session string, next uint64) string {
	u, _ := url.Parse(c.URL) // checked
	q := u.Query()
	q.Set("session", session)
	q.Set("next", fmt.Sprint(next))
	u.RawQuery = q.Encode()
	return u.String()
}
