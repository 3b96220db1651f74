package gateway

import (
	"context"
	"net/http"
	"testing"
	"time"

	"millrace.dev/pkg/stream/produce"
)

// What is no handshake costs nothing: no look into Redis, and nothing of what new sessions are limited to.
func TestNoHandshakeCostsNothing(t *testing.T) {
	limited := func(c *Config) { c.Rates.SessionsPerCredential = 1 }
	inBubble(t, 1, limited, func(b *bubble) {
		asked := 0
		b.gateway.recall = func(context.Context, string) (*produce.Session, error) {
			asked++
			return new(produce.Session), nil
		}
		for _, c := range []struct {
			name, header string
			values       []string
			status       int
		}{
			{"no upgrade", "Connection", nil, 426},
			{"an upgrade to something else", "Upgrade", []string{"h2c"}, 426},
			{"another version", "Sec-Websocket-Version", []string{"8"}, 400},
			{"no key", "Sec-Websocket-Key", nil, 400},
			{"a short key", "Sec-Websocket-Key", []string{"eA=="}, 400},
			{"two keys", "Sec-Websocket-Key", []string{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="}, 400},
		} {
			h := handshake()
			h[c.header] = c.values
			status, header := b.head("/ws"+named(1), h)
			if status != c.status || status == 426 && header.Get("Upgrade") != "websocket" {
				t.Errorf("%s: %d %v", c.name, status, header)
			}
		}
		if asked != 0 || b.gateway.connections.count() != 0 {
			t.Errorf("Redis was asked %d times", asked)
		}
		if wait := b.gateway.meters.Sender(time.Now(), "", "").Session(time.Now()); wait != 0 {
			t.Errorf("a new session has to wait for %v", wait)
		}
		listed := handshake()
		listed.Set("Connection", "keep-alive, Upgrade")
		if status := b.get("/ws", listed); status != http.StatusSwitchingProtocols {
			t.Errorf("an upgrade among others: %d", status)
		}
	})
}
