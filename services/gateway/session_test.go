package gateway

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/produce"
	"millrace.dev/pkg/stream/streamtest"
)

func TestSubprotocolAndCompression(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		for asked, want := range map[string]string{"millrace.v1.json": "millrace.v1.json", "millrace.v1.msgpack": "", "": ""} {
			o := websocket.DialOptions{HTTPClient: b.client, CompressionMode: websocket.CompressionContextTakeover}
			if asked != "" {
				o.Subprotocols = []string{asked}
			}
			ws, response, err := websocket.Dial(b.Context(), "ws://gateway/ws", &o)
			if err != nil {
				t.Fatal(err)
			}
			if got := ws.Subprotocol(); got != want {
				t.Errorf("asked for %q, got %q", asked, got)
			}
			if got := response.Header.Get("Sec-WebSocket-Extensions"); got != "" {
				t.Errorf("extensions are %q", got)
			}
			ws.CloseNow()
		}
	})
}

// A session may skip numbers, and its numbers come back as they are.
func TestSessionSkipsNumbers(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		for _, n := range []uint64{1, 1000, 1 << 52, 1<<53 - 1} {
			p := g.open(named(n))
			if m := p.next(); m.Next != n || m.Last >= n {
				t.Errorf("hello is %+v", m)
			}
			p.send(with(fmt.Sprint("n", n), ""))
			p.expectAck(n)
		}
		g.expectOnce("n1", "n1000", fmt.Sprint("n", 1<<52), fmt.Sprint("n", 1<<53-1))
		if m := g.open(named(1<<53 - 1)).next(); m.Last != 1<<53-1 {
			t.Errorf("the highest number is known as %d", m.Last)
		}
	})
}

// The id of an anonymous connection can't be resumed.
func TestAnonymousCannotBeResumed(t *testing.T) {
	g := startGateway(t, streamtest.Embedded(t), nil)
	p := g.open("")
	id := p.next().Session
	p.send(ev(1))
	p.expect("ack 1")
	if m := g.open("?session=" + id + "&next=2").next(); m.Resumed || m.Last != 0 {
		t.Errorf("hello is %+v", m)
	}
}

// Open connections keep the marks of their session, once an hour; others go after their time.
func TestSessionIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, func(c *Config) { c.SessionTTL = time.Hour })
		p := g.open(named(1))
		p.expect("hello")
		p.send(with("e1", ""))
		p.expect("ack 1")
		keys, err := g.redis.Keys(t.Context(), "*:mark:*").Result()
		if err != nil {
			t.Fatal(err)
		}
		lives := map[string]time.Duration{}
		for _, key := range keys {
			lives[key] = g.redis.PTTL(t.Context(), key).Val()
			if d := lives[key]; d < 59*time.Minute || d > time.Hour {
				t.Errorf("%s lives for %v", key, d)
			}
		}
		s, err := stream.Open(t.Context(), stream.Config{URL: srv.URL, PoolMax: 2, Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		session, err := produce.Open(t.Context(), s, "", sessionName, 24*time.Hour)
		if err != nil || !session.Resumed() {
			t.Fatalf("it is not known: %v", err)
		}
		mark := g.longestMark(t.Context(), keys)
		for _, c := range []struct {
			life, since time.Duration
			kept        bool
		}{
			{24 * time.Hour, time.Minute, false}, {24 * time.Hour, refreshEvery + time.Minute, true},
			{10 * time.Minute, 4 * time.Minute, false}, {10 * time.Minute, 6 * time.Minute, true},
		} {
			if err := g.redis.PExpire(t.Context(), mark, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			c1 := &connection{named: true, refreshed: time.Now().Add(-c.since)}
			c1.gateway = &Gateway{config: Config{Flags: Flags{SessionTTL: c.life}}}
			c1.session = session
			c1.refresh()
			if kept := g.redis.PTTL(t.Context(), mark).Val() > time.Hour; kept != c.kept {
				t.Errorf("%v after the last time a session of %v is kept: %v", c.since, c.life, kept)
			}
		}
	})
}

// longestMark is the mark of the named session: that of anonymous events would do for none.
func (g *running) longestMark(ctx context.Context, keys []string) string {
	g.Helper()
	for _, key := range keys {
		if g.redis.PTTL(ctx, key).Val() > 2*time.Hour { // Open has kept it for a day
			return key
		}
	}
	g.Fatalf("none of %v is kept", keys)
	return ""
}

// What others show while the gateway waits for Redis, and after it.
func TestHealth(t *testing.T) {
	srv := streamtest.Redis(t)
	g := startGateway(t, srv, nil)
	status := func(path string) int {
		response, err := g.client.Get("http://" + g.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	for _, path := range []string{"/health", "/health/ready", "/debug/buffer", "/debug/workers", "/debug/memory"} {
		if got := status(path); got != http.StatusOK {
			t.Errorf("%s answers %d", path, got)
		}
	}
	srv.Kill()
	eventually(t, "it is not ready without Redis", func() bool { return status("/health/ready") == http.StatusServiceUnavailable })
	if got := status("/health"); got != http.StatusOK {
		t.Errorf("/health answers %d: it is alive", got)
	}
	srv.Start()
	g.awaitReady()
}
