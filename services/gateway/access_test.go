package gateway

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream/streamtest"
)

// keyOf makes a key and its token.
func keyOf(t testing.TB, name string, scopes access.Scope) (access.Key, string) {
	t.Helper()
	k, token, err := access.Mint(name, scopes, "test", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return k, token
}

// asker is a request with what matters to who may do it.
type asker struct {
	method, path, body string
	host               string
	header             http.Header
}

func bearer(token string) http.Header {
	if token == "" {
		return http.Header{}
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

// ask sends a request and returns its status, its headers and what it says; a WebSocket or an event stream is left.
func (a asker) ask(t testing.TB, c *http.Client, base string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), a.method, base+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header, r.Host = a.header.Clone(), a.host
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if a.path == "/ws" || strings.HasPrefix(a.path, "/ws?") {
		maps.Copy(r.Header, handshake())
	}
	w, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode < 300 {
		return w.StatusCode, w.Header, ""
	}
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, w.Header, string(text)
}

// Each route asks for its scope, and health for none.
func TestWhoMayDoWhat(t *testing.T) {
	sender, send := keyOf(t, "sender", access.Publish)
	reader, read := keyOf(t, "reader", access.Read)
	root, admin := keyOf(t, "root", access.Admin)
	_, revoked := keyOf(t, "gone", access.All)
	keys := access.NewRing([]access.Key{sender, reader, root})
	routes := []struct {
		asker
		need  access.Scope
		let   int // the status of those who are let in
		scope string
	}{
		{asker{method: "GET", path: "/ws"}, access.Publish, 101, "publish"},
		{asker{method: "POST", path: "/api/events", body: `{"type":"t"}`}, access.Publish, 202, "publish"},
		{asker{method: "GET", path: "/api/stats"}, access.Read, 200, "read"},
		{asker{method: "GET", path: "/api/stats/stream"}, access.Read, 200, "read"},
		{asker{method: "GET", path: "/api/diagnosis"}, access.Read, 200, "read"},
		{asker{method: "GET", path: "/debug/buffer"}, access.Admin, 200, "admin"},
		{asker{method: "GET", path: "/debug/workers"}, access.Admin, 200, "admin"},
		{asker{method: "GET", path: "/debug/memory"}, access.Admin, 200, "admin"},
	}
	for _, route := range routes {
		t.Run(route.path, func(t *testing.T) {
			inBubble(t, 1, func(c *Config) { c.Access = access.Config{Hosts: []string{"gateway"}} }, func(b *bubble) {
				b.process.keys.Set(keys)
				for token, has := range map[string]access.Scope{send: access.Publish, read: access.Read, admin: access.Admin} {
					a, want := route.asker, route.let
					if a.header = bearer(token); has != route.need {
						want = http.StatusForbidden
					}
					status, header, text := a.ask(b, b.client, "http://gateway")
					if status != want || want == 403 && (!strings.Contains(text, `"forbidden"`) || !strings.Contains(header.Get("WWW-Authenticate"), route.scope)) {
						b.Errorf("with %v: %d %s", has, status, text)
					}
				}
				for _, token := range []string{"", revoked, send[:len(send)-1], "x"} {
					a := route.asker
					a.header = bearer(token)
					status, header, text := a.ask(b, b.client, "http://gateway")
					if status != 401 || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Bearer") || !strings.Contains(text, `"unauthorized"`) {
						b.Errorf("without a valid key: %d %s", status, text)
					}
				}
			})
		})
	}
	inBubble(t, 1, func(c *Config) { c.Access = access.Config{} }, func(b *bubble) {
		b.process.keys.Set(keys)
		for path, want := range map[string]int{"/health": 200, "/": 421, "/favicon.svg": 421} {
			if status, _, text := (asker{method: "GET", path: path}).ask(b, b.client, "http://gateway"); status != want {
				b.Errorf("%s under a strange name: %d %s", path, status, text)
			}
		}
		for _, a := range []asker{{method: "GET", path: "/", host: "localhost"}, {method: "GET", path: "/favicon.svg", header: bearer(send)}} {
			if status, _, text := a.ask(b, b.client, "http://gateway"); status >= 400 && status != 503 { // 503: it was not built
				b.Errorf("%s: %d %s", a.path, status, text)
			}
		}
	})
}

// Whoever is refused gets the code, and is counted by the reason.
func TestRefusalsAreCounted(t *testing.T) {
	sender, send := keyOf(t, "sender", access.Publish)
	_, revoked := keyOf(t, "gone", access.All)
	keys := access.NewRing([]access.Key{sender})
	g := startGateway(t, streamtest.Embedded(t), func(c *Config) { c.Access.TrustedProxies = []string{"127.0.0.0/8"} })
	event := asker{method: "POST", path: "/api/events", body: `{"type":"t"}`}
	with := func(a asker, name, value string) asker {
		a.header = a.header.Clone()
		if a.header == nil {
			a.header = http.Header{}
		}
		a.header.Set(name, value)
		return a
	}
	debug := asker{method: "GET", path: "/debug/memory"}
	socket := asker{method: "GET", path: "/ws"}
	for _, c := range []struct {
		name string
		keys *access.Ring
		asker
		status int
		code   string
	}{
		{"no key set, from here", nil, event, 202, ""},
		{"no key set, a forged address", nil, with(event, "X-Forwarded-For", "127.0.0.1"), 403, "forbidden"},
		{"no key set, a forged chain", nil, with(debug, "X-Forwarded-For", "::1, 127.0.0.1"), 403, "forbidden"},
		{"no key set, Forwarded", nil, with(socket, "Forwarded", "for=127.0.0.1"), 403, "forbidden"},
		{"no key set, rebound", nil, asker{method: "GET", path: "/api/stats", host: "evil.example"}, 421, "misdirected"},
		{"no key set, a socket rebound", nil, asker{method: "GET", path: "/ws", host: "evil.example:8000"}, 421, "misdirected"},
		{"no key set, a key is shown", nil, with(event, "Authorization", "Bearer "+revoked), 401, "unauthorized"},
		{"a page elsewhere opens a socket", nil, with(socket, "Origin", "https://evil.example"), 403, "cross_origin"},
		{"a page elsewhere sends", nil, with(event, "Origin", "https://evil.example"), 403, "cross_origin"},
		{"a page elsewhere sends plain text", nil, with(with(event, "Sec-Fetch-Site", "cross-site"), "Content-Type", "text/plain"), 403, "cross_origin"},
		{"no key", keys, event, 401, "unauthorized"},
		{"the key", keys, with(event, "Authorization", "Bearer "+send), 202, ""},
		{"the key under any name", keys, asker{method: "POST", path: "/api/events", body: event.body, host: "evil.example", header: bearer(send)}, 202, ""},
		{"the key on a page elsewhere", keys, with(with(socket, "Origin", "https://evil.example"), "Authorization", "Bearer "+send), 403, "cross_origin"},
		{"a wrong key", keys, with(event, "Authorization", "Bearer "+send+"x"), 401, "unauthorized"},
		{"a revoked key", keys, with(socket, "Authorization", "Bearer "+revoked), 401, "unauthorized"},
		{"a key in the query", keys, asker{method: "POST", path: "/api/events?access_token=" + send, body: event.body}, 202, ""},
		{"a wrong key in the query", keys, asker{method: "GET", path: "/ws?access_token=" + revoked}, 401, "unauthorized"},
		{"no admin", keys, with(debug, "Authorization", "Bearer "+send), 403, "forbidden"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.process.keys.Set(access.NewRing(nil))
			if c.keys != nil {
				g.process.keys.Set(c.keys)
			}
			before, eventsBefore := g.process.built.metrics.refusals()
			status, _, text := c.ask(t, g.client, "http://"+g.addr)
			after, events := g.process.built.metrics.refusals()
			if events != eventsBefore {
				t.Errorf("%d events count as refused", events-eventsBefore)
			}
			if status != c.status || c.code != "" && !strings.Contains(text, `"code":"`+c.code+`"`) {
				t.Errorf("%d %s", status, text)
			}
			for code, n := range after {
				if more := n - before[code]; (more != 0) != (code == c.code) || more > 1 {
					t.Errorf("%s was counted %d times", code, more)
				}
			}
			if c.code != "" && after[c.code] == before[c.code] {
				t.Errorf("%s was not counted: %v", c.code, after)
			}
		})
	}
}

// A key comes by three ways; its name is in the source, and a session belongs to it.
func TestCredentials(t *testing.T) {
	shop, shopToken := keyOf(t, "shop", access.Publish)
	till, tillToken := keyOf(t, "till", access.Publish)
	g := startGateway(t, streamtest.Redis(t), nil)
	g.process.keys.Set(access.NewRing([]access.Key{shop, till}))
	send := func(id, query string, o websocket.DialOptions) *peer {
		p := dialWith(g, &http.Client{}, "ws://"+g.addr+"/ws?session=x&next=1"+query, o)
		p.expect("hello")
		p.send(with(id, ""))
		p.expectAck(1)
		return p
	}
	send("by-header", "", websocket.DialOptions{HTTPHeader: bearer(shopToken)})
	p := send("by-protocol", "", websocket.DialOptions{
		Subprotocols: []string{access.KeyProtocol + tillToken, "millrace.v1.json"},
	})
	if got := p.ws.Subprotocol(); got != "millrace.v1.json" {
		t.Errorf("selected is %q", got)
	}
	send("by-query-again", "&access_token="+tillToken, websocket.DialOptions{}) // number 1 of till's x is stored already
	post := asker{method: "POST", path: "/api/events", body: with("by-post", ""), header: bearer(shopToken)}
	if status, _, text := post.ask(t, g.client, "http://"+g.addr); status != http.StatusAccepted {
		t.Errorf("%d %s", status, text)
	}
	g.expectOnce("by-header", "by-protocol", "by-post")
	for _, e := range g.stored() {
		if want := map[string]string{"by-header": "/ws/shop", "by-protocol": "/ws/till", "by-post": "/http/shop"}[e.ID]; e.Source != want {
			t.Errorf("the source of %s is %s", e.ID, e.Source)
		}
	}
}

// Pages of other origins get what --cors-origins says, and browsers are told so.
func TestOtherOrigins(t *testing.T) {
	const friend, stranger = "https://shop.example", "https://evil.example"
	inBubble(t, 1, func(c *Config) { c.Access.CORSOrigins = []string{" https://Shop.Example "} }, func(b *bubble) {
		from := func(origin string) http.Header { return http.Header{"Origin": {origin}} }
		preflight := func(origin string) http.Header {
			return http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"}}
		}
		for _, c := range []struct {
			asker
			status  int
			allowed string
		}{
			{asker{method: "OPTIONS", path: "/api/events", header: preflight(friend)}, 204, friend},
			{asker{method: "OPTIONS", path: "/api/events", header: preflight(stranger)}, 405, ""},
			{asker{method: "POST", path: "/api/events", body: `{"type":"t"}`, header: from(friend)}, 202, friend},
			{asker{method: "POST", path: "/api/events", body: `{"type":"t"}`, header: from(stranger)}, 403, ""},
			{asker{method: "POST", path: "/api/events", body: `{"type":"t"}`, header: from("http://gateway")}, 202, ""},
			{asker{method: "GET", path: "/api/stats", header: from(friend)}, 200, friend},
			{asker{method: "GET", path: "/api/stats", header: from(stranger)}, 200, ""},
			{asker{method: "GET", path: "/api/stats", header: http.Header{"Origin": {friend}, "Authorization": {"Bearer x"}}}, 401, friend},
			{asker{method: "GET", path: "/debug/memory", header: from(friend)}, 200, ""},
			{asker{method: "GET", path: "/ws", header: from(friend)}, 101, ""},
			{asker{method: "GET", path: "/ws", header: from("http://gateway")}, 101, ""},
			{asker{method: "GET", path: "/ws", header: from("null")}, 403, ""},
		} {
			status, header, text := c.ask(b, b.client, "http://gateway")
			if status != c.status || header.Get("Access-Control-Allow-Origin") != c.allowed || header.Get("Access-Control-Allow-Credentials") != "" {
				b.Errorf("%s %s from %v: %d, allowed %q, %s", c.method, c.path, c.header, status, header.Get("Access-Control-Allow-Origin"), text)
			}
			if strings.HasPrefix(c.path, "/api/") && status != 403 && header.Get("Vary") != "Origin" {
				b.Errorf("%s %s varies by %q", c.method, c.path, header.Get("Vary"))
			}
			if status == 204 && (!strings.Contains(header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") || !strings.Contains(header.Get("Access-Control-Allow-Methods"), "POST")) {
				b.Errorf("the preflight allows %v", header)
			}
		}
	})
}

// While the keys are not known, this machine may look what is wrong, and nobody does anything.
func TestBeforeKeysAreKnown(t *testing.T) {
	c := bubbleConfig()
	c.Access = access.Config{}
	p, err := newProcess(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	routes := p.routes()
	for _, c := range []struct {
		from, method, path string
		status             int
	}{
		{"127.0.0.1:1", "GET", "/api/stats", 200},
		{"127.0.0.1:1", "GET", "/api/diagnosis", 200},
		{"127.0.0.1:1", "POST", "/api/events", 503},
		{"127.0.0.1:1", "GET", "/debug/memory", 503},
		{"127.0.0.1:1", "GET", "/health", 200},
		{"10.0.0.9:1", "GET", "/api/stats", 503},
		{"10.0.0.9:1", "GET", "/health", 200},
	} {
		r := httptest.NewRequestWithContext(context.Background(), c.method, "http://localhost"+c.path, nil)
		r.RemoteAddr = c.from
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r)
		if w.Code != c.status || w.Code == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s %s from %s: %d %s", c.method, c.path, c.from, w.Code, w.Body)
		}
	}
}
