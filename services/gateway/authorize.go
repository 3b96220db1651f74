package gateway

import (
	"fmt"
	"net/http"
	"strings"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
)

// need lets those in who have the scope. The request that goes on carries the credential and shows no key any more; it
// ends when the key is revoked.
func (p *process) need(scope access.Scope, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, r, refusal := p.rules.Admit(p.keys.Ring(), r, scope)
		if refusal != nil {
			p.refuse(w, r, refusal)
			return
		}
		ctx, end := p.keys.While(r.Context(), c)
		defer end()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// refuse answers who is not let in, and counts it by reason. The sample holds what says who it was, and neither a
// query nor a key.
func (p *process) refuse(w http.ResponseWriter, r *http.Request, why *access.Refusal) {
	if g := p.gateway.Load(); g != nil {
		sample := fmt.Sprintf("%s %.40s from %v, Host %.40s", r.Method, r.URL.Path, p.rules.ClientOf(r).Address, r.Host)
		from := &sender{path: wayOf(r), credential: access.Credential{Client: p.rules.ClientOf(r)}}
		g.turnedAway(from, event.Refuse(why.Code, why.Message), sample)
	}
	why.Write(w)
}

// wayOf is the source that a refused request is counted under.
func wayOf(r *http.Request) string {
	if r.URL.Path == "/ws" {
		return "/ws"
	}
	return "/http"
}

// sameOrigin refuses what a page of another origin asks a browser to do: a WebSocket, and every method that changes
// something. (A GET it can't read the answer of.)
func (p *process) sameOrigin(h http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	for _, origin := range p.config.Access.CORSOrigins {
		_ = protection.AddTrustedOrigin(strings.ToLower(strings.TrimSpace(origin))) // as the rules read it, who have checked it
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var refusal *access.Refusal
		if r.URL.Path == "/ws" {
			refusal = p.rules.CheckOrigin(r.Header.Get("Origin"), r.Host)
		} else if protection.Check(r) != nil {
			refusal = access.CrossOrigin
		}
		if refusal != nil {
			p.refuse(w, r, refusal)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// preflightFor is how long a browser may remember the answer to a preflight, in seconds.
const preflightFor = "600"

// shared tells browsers which other origins may read the API: those of --cors-origins. There are no cookies, so
// nothing is said of credentials.
func (p *process) shared(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			h.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !p.rules.Befriended(origin) {
			h.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			header.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID")
			header.Set("Access-Control-Max-Age", preflightFor)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		header.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
		h.ServeHTTP(w, r)
	})
}
