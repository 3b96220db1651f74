package access

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func rules(t *testing.T, c Config, internal string) *Rules {
	t.Helper()
	r, err := c.Rules(internal)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	here    = Client{Address: netip.MustParseAddr("127.0.0.1"), Loopback: true}
	outside = Client{Address: netip.MustParseAddr("203.0.113.7")}
	closed  = Config{}
	open    = Config{AllowAnonymous: true}
	wide    = Config{AllowAnonymous: true, AllowAnonymousAdmin: true}
)

func TestDecide(t *testing.T) {
	shop, shopToken := mint(t, "shop", Publish)
	_, revoked := mint(t, "gone", All)
	var unknown *Ring
	none, keys := NewRing(nil), NewRing([]Key{shop})
	const internal = "between services"
	for _, c := range []struct {
		name   string
		config Config
		ring   *Ring
		client Client
		token  string // "" is none, "-" an empty one
		need   Scope
		want   string // the code of the refusal, or "" and the name
		text   string // in the message
	}{
		{"here, no key set", closed, none, here, "", All, "", ""},
		{"here, a key is set", closed, keys, here, "", Read, CodeUnauthorized, "keys create"},
		{"here, a key is set, nothing needed", closed, keys, here, "", None, "", ""},
		{"here, keys not known, reading", closed, unknown, here, "", Read, "", ""},
		{"here, keys not known, sending", closed, unknown, here, "", Publish, CodeUnavailable, "Redis"},
		{"here, keys not known, admin", closed, unknown, here, "", Admin, CodeUnavailable, "Redis"},
		{"outside, keys not known", closed, unknown, outside, "", Read, CodeUnavailable, "Redis"},
		{"outside, keys not known, a key", closed, unknown, outside, shopToken, Publish, CodeUnavailable, "Redis"},
		{"outside, no key set", closed, none, outside, "", Publish, CodeForbidden, "--allow-anonymous"},
		{"outside, no key set, the page", closed, none, outside, "", None, "", ""},
		{"outside, a key is set", closed, keys, outside, "", Publish, CodeUnauthorized, "Bearer"},
		{"outside, with the key", closed, keys, outside, shopToken, Publish, "", ""},
		{"outside, without the scope", closed, keys, outside, shopToken, Read, CodeForbidden, "shop is valid and lacks the scope read"},
		{"here, without the scope", closed, keys, here, shopToken, Admin, CodeForbidden, "admin"},
		{"outside, a wrong key", closed, keys, outside, shopToken + "x", Publish, CodeUnauthorized, "revoked"},
		{"outside, a revoked key", closed, keys, outside, revoked, Publish, CodeUnauthorized, "revoked"},
		{"outside, an empty key", closed, keys, outside, "-", Publish, CodeUnauthorized, "wrong"},
		{"a wrong key where nobody needs one", wide, none, here, revoked, Publish, CodeUnauthorized, "wrong"},
		{"a wrong key for what needs none", wide, none, here, revoked, None, CodeUnauthorized, "wrong"},
		{"anonymous sends", open, none, outside, "", Publish, "", ""},
		{"anonymous sends beside keys", open, keys, outside, "", Publish, "", ""},
		{"anonymous sends while keys are not known", open, unknown, outside, "", Publish, "", ""},
		{"anonymous is no admin", open, none, outside, "", Admin, CodeForbidden, "--allow-anonymous-admin"},
		{"anonymous is no admin beside keys", open, keys, outside, "", Admin, CodeUnauthorized, ""},
		{"anonymous is admin", wide, keys, outside, "", Admin, "", ""},
		{"a key is not widened by what others may do", wide, keys, outside, shopToken, Read, CodeForbidden, "lacks"},
		{"the internal key reads", closed, keys, outside, internal, Read, "", ""},
		{"the internal key debugs while keys are not known", closed, unknown, outside, internal, Admin, "", ""},
		{"the internal key sends nothing", closed, keys, outside, internal, Publish, CodeForbidden, "publish"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := Ask{Client: c.client, Need: c.need, Token: c.token, Shown: c.token != ""}
			if c.token == "-" {
				a.Token = ""
			}
			got, refusal := rules(t, c.config, internal).Decide(c.ring, a)
			if c.want == "" {
				if refusal != nil || !got.Scopes.Has(c.need) || got.Client != c.client || got.Anonymous() == (c.token != "") {
					t.Fatalf("refused with %v, or let in as %+v", refusal, got)
				}
				return
			}
			if refusal == nil || refusal.Code != c.want || !strings.Contains(refusal.Message, c.text) {
				t.Fatalf("let in as %+v, or refused with %v", got, refusal)
			}
			if got.Scopes != None {
				t.Errorf("who is refused still has %v", got.Scopes)
			}
			checkAnswer(t, refusal, c.token)
		})
	}
}

// checkAnswer holds the status against the code, and looks for the secret.
func checkAnswer(t *testing.T, r *Refusal, token string) {
	t.Helper()
	w := httptest.NewRecorder()
	r.Write(w)
	want := map[string]int{CodeUnauthorized: 401, CodeForbidden: 403, CodeCrossOrigin: 403, CodeMisdirected: 421, CodeUnavailable: 503}[r.Code]
	if w.Code != want {
		t.Errorf("%s is answered with %d", r.Code, w.Code)
	}
	if (w.Header().Get("WWW-Authenticate") != "") != (w.Code == 401 || strings.Contains(r.Message, "lacks")) {
		t.Errorf("%d challenges with %q", w.Code, w.Header().Get("WWW-Authenticate"))
	}
	if len(token) > 1 && strings.Contains(w.Body.String(), token) {
		t.Error("the answer holds the key")
	}
	if body := w.Body.String(); !strings.Contains(body, `"code":"`+r.Code+`"`) || !strings.Contains(body, `"message":`) {
		t.Errorf("the answer is %s", body)
	}
}

// Without an internal key an empty one opens nothing.
func TestNoInternalKey(t *testing.T) {
	if rules(t, closed, "").Internal("") {
		t.Error("the empty key is the internal one")
	}
	if r := rules(t, closed, "k"); !r.Internal("k") || r.Internal("") || r.Internal("kk") {
		t.Error("the internal key is another")
	}
}

func TestCheckHost(t *testing.T) {
	r := rules(t, Config{Hosts: []string{"Mill.Example", "10.0.0.5", "fd00::1"}}, "")
	for host, ok := range map[string]bool{
		"localhost": true, "LOCALHOST:8000": true, "localhost.": true, "a.localhost:1": true, "127.0.0.1:8000": true,
		"127.9.9.9": true, "[::1]:8000": true, "[::1]": true, "::1": true, "[::ffff:127.0.0.1]:80": true,
		"mill.example": true, "MILL.example:8443": true, "10.0.0.5:8000": true, "[fd00:0::1]:8000": true,
		"evil.example": false, "": false, "localhost.evil.example": false, "notlocalhost": false, "127.0.0.1.evil.example": false,
		"mill.example.evil.example": false, "10.0.0.6": false, ":8000": false, "0.0.0.0:8000": false, "2130706433": false,
	} {
		switch refusal := r.CheckHost(Credential{}, host); {
		case (refusal == nil) != ok:
			t.Errorf("Host %q: %v", host, refusal)
		case refusal != nil:
			checkAnswer(t, refusal, "")
		}
		if r.CheckHost(Credential{ID: "abc"}, host) != nil || r.CheckHost(Credential{Internal: true}, host) != nil {
			t.Errorf("Host %q matters to one with a key", host)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	r := rules(t, Config{CORSOrigins: []string{"https://shop.example", "http://localhost:5173"}}, "")
	for _, c := range []struct {
		origin, host string
		ok           bool
	}{
		{"", "mill.example", true},
		{"https://mill.example", "mill.example", true},
		{"http://LOCALHOST:8000", "localhost:8000", true},
		{"http://localhost:8000", "localhost:8001", false},
		{"https://shop.example", "mill.example", true},
		{"HTTPS://Shop.example", "mill.example", true},
		{"http://shop.example", "mill.example", false},
		{"https://shop.example.evil.example", "mill.example", false},
		{"https://evil.example", "mill.example", false},
		{"null", "mill.example", false},
		{"mill.example", "mill.example", false},
		{"null", "", false},
	} {
		if refusal := r.CheckOrigin(c.origin, c.host); (refusal == nil) != c.ok {
			t.Errorf("%q on %q: %v", c.origin, c.host, refusal)
		}
	}
}

func TestForServices(t *testing.T) {
	r := rules(t, closed, "between services")
	for _, c := range []struct {
		name, remote, authorization, forwarded, host string
		want                                         int
	}{
		{"this machine", "127.0.0.1:4", "", "", "127.0.0.1:9", 200},
		{"this machine, rebound", "127.0.0.1:4", "", "", "evil.example", 421},
		{"this machine, a wrong key", "127.0.0.1:4", "Bearer guess", "", "127.0.0.1:9", 401},
		{"through a proxy", "127.0.0.1:4", "", "127.0.0.1", "127.0.0.1:9", 401},
		{"elsewhere", "10.0.0.9:4", "", "", "worker:9", 401},
		{"elsewhere, the key", "10.0.0.9:4", "Bearer between services", "", "worker:9", 200},
		{"elsewhere, a wrong key", "10.0.0.9:4", "Bearer between", "", "worker:9", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodGet, "/debug/memory", nil)
			req.RemoteAddr, req.Host = c.remote, c.host
			if c.authorization != "" {
				req.Header.Set("Authorization", c.authorization)
			}
			if c.forwarded != "" {
				req.Header.Set("X-Forwarded-For", c.forwarded)
			}
			w := httptest.NewRecorder()
			r.ForServices(func(w http.ResponseWriter, req *http.Request) {
				if req.Header.Get("Authorization") != "" || !From(req.Context()).Scopes.Has(Admin) {
					t.Error("the key goes on, or the credential doesn't")
				}
			})(w, req)
			if w.Code != c.want {
				t.Errorf("%d", w.Code)
			}
		})
	}
}
