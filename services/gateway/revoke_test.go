package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/access"
)

// When a key is revoked, what it opened ends within a second, whatever it is doing.
func TestRevokedKeysAreSentAway(t *testing.T) {
	shop, shopToken := keyOf(t, "shop", access.All)
	other, otherToken := keyOf(t, "other", access.All)
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprint("held back ", held), func(t *testing.T) {
			inBubble(t, 1, func(c *Config) { c.BufferEvents = 1000 }, func(b *bubble) {
				b.process.keys.Set(access.NewRing([]access.Key{shop, other}))
				open := func(token, query string) *peer {
					p := dialWith(b, b.client, "ws://gateway/ws"+query, websocket.DialOptions{HTTPHeader: bearer(token)})
					p.expect("hello")
					return p
				}
				mine, quiet, others, nobodys := open(shopToken, "?session=x&next=1"), open(shopToken, ""), open(otherToken, ""), b.greeted("")
				stream := b.stream(shopToken)
				if held {
					b.store.hold()
					for range 3 { // more than there is room for: the third is held back
						mine.send("[" + strings.Repeat(`{"type":"t"},`, 499) + `{"type":"t"}]`)
					}
				}
				began := time.Now()
				b.process.keys.Set(access.NewRing([]access.Key{other}))
				for _, p := range []*peer{mine, quiet} {
					if code, said := p.closed(); code != websocket.StatusPolicyViolation {
						b.Errorf("closed with %d after %v", code, said)
					}
				}
				<-stream
				if d := time.Since(began); d > time.Second {
					b.Errorf("it took %v", d)
				}
				b.store.releaseAll()
				others.send(`{"type":"t"}`)
				others.expectAck(1)
				nobodys.send(`{"type":"t"}`)
				nobodys.expectAck(1)
			})
		})
	}
}

// stream opens a stream of statistics; the channel is closed when it has ended.
func (b *bubble) stream(token string) <-chan struct{} {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://gateway/api/stats/stream", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header = bearer(token)
	w, err := b.client.Do(r)
	if err != nil || w.StatusCode != http.StatusOK {
		b.Fatal(w, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer w.Body.Close()
		_, _ = io.Copy(io.Discard, w.Body)
	}()
	synctest.Wait()
	return ended
}
