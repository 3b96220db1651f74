package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/pkg/stream/produce"
)

// Bounds of a session's id. Where anonymous clients share a credential, the id is the secret that keeps others
// out: off loopback it has 128 bits.
const (
	longestSession  = 128
	shortestSession = 22
)

// subprotocols that are spoken here, the preferred first.
var subprotocols = []string{"millrace.v1.json"}

// sessionRequest is what a client asks for with ?session=ID&next=N.
type sessionRequest struct {
	name string
	next uint64
}

// parseSession reads the session that a client names; the zero value is that it names none.
func parseSession(r *http.Request) (sessionRequest, error) {
	q := r.URL.Query()
	if !q.Has("session") && !q.Has("next") {
		return sessionRequest{}, nil
	}
	name := q.Get("session")
	next, err := strconv.ParseUint(q.Get("next"), 10, 64)
	switch {
	case name == "":
		return sessionRequest{}, errors.New("session: it is missing or empty; next=N goes with session=ID")
	case len(name) > longestSession:
		return sessionRequest{}, fmt.Errorf("session: %d characters are more than %d", len(name), longestSession)
	case guessable(access.From(r.Context()), name):
		return sessionRequest{}, fmt.Errorf("session: %d characters are fewer than %d: it must be hard to guess", len(name), shortestSession)
	case strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }):
		return sessionRequest{}, errors.New("session: only visible ASCII characters are allowed")
	case !q.Has("next"):
		return sessionRequest{}, errors.New("next: the number of the first event that will be sent is missing")
	case err != nil || next == 0 || next > produce.MaxNumber:
		return sessionRequest{}, fmt.Errorf("next: %.30q is not a number from 1 to 2^53-1", q.Get("next"))
	}
	return sessionRequest{name, next}, nil
}

// guessable says whether a session's id, or a request's Idempotency-Key, is too short to keep others out: those without
// a key share one credential, in which the id is the secret. On this machine all are one.
func guessable(c access.Credential, id string) bool {
	return c.Anonymous() && !c.Client.Loopback && len(id) < shortestSession
}

// serveWebSocket is GET /ws. It returns as soon as the connection has its own goroutine: one that stayed here
// would keep the request, the response and their buffers.
func (g *Gateway) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	if g.draining() {
		comeAgain(w, refuseDraining)
		return
	}
	if !isHandshake(w, r) {
		return
	}
	asked, err := parseSession(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	who := g.senderOf(r.Context(), "/ws")
	if why := g.letIn(who); why != nil {
		who.Close()
		g.turnedAway(who, why, "")
		comeAgain(w, why)
		return
	}
	session, why := g.openSession(r.Context(), who, asked)
	if why != nil {
		who.Close()
		comeAgain(w, why)
		return
	}
	h := &hijacker{ResponseWriter: w}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       subprotocols,
		InsecureSkipVerify: true, // sameOrigin has looked at the Origin already, and knows --cors-origins
	})
	if err != nil {
		who.Close()
		g.log.Debug("a handshake failed", "error", err.Error())
		return
	}
	ws.SetReadLimit(-1) // frames are measured in frame.fill, so that a connection can survive one that is too long
	said := g.facts.Load()
	c := g.connect(ws, h.socket, who, said, asked, session)
	if !g.connections.add(c) {
		who.Close()
		_ = ws.Close(goingAway.code, goingAway.reason)
		return
	}
	c.hearGate()
	g.outdated(c, said)
}

// senderOf is who sends a request, as limits and refusals count it. Who comes from this machine is not counted by
// address.
func (g *Gateway) senderOf(ctx context.Context, path string) *sender {
	c := access.From(ctx)
	counted := ""
	if key := c.Client.LimitKey(); key.IsValid() && !c.Client.Loopback {
		counted = key.String()
	}
	return &sender{Sender: g.meters.Sender(time.Now(), c.ID, counted), path: path, credential: c}
}

// letIn counts a connection, or says why there is no place for it.
func (g *Gateway) letIn(who *sender) *event.Refusal {
	switch who.Connect(g.config.Rates.DryRun) {
	case "":
		return nil
	case control.ConnectionsPerAddress:
		return g.overLimit(event.Refuse(event.CodeRateLimited, "too many connections are open from this address."))
	}
	return g.overLimit(event.Refuse(codeOverloaded, "this gateway has as many connections as it may: try again, or another one."))
}

// overLimit is the refusal, or nil where limits only count.
func (g *Gateway) overLimit(why *event.Refusal) *event.Refusal {
	if g.config.Rates.DryRun {
		g.metrics.held(why.Code, outcomeDryRun, 1)
		return nil
	}
	return why
}

// openSession reads what is remembered of a named session, before anything is promised to the client. One that is not
// remembered is new, and those are limited: Redis keeps each for a day.
func (g *Gateway) openSession(ctx context.Context, who *sender, asked sessionRequest) (*produce.Session, *event.Refusal) {
	if asked.name == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	s, err := g.recall(ctx, asked.name)
	if err != nil {
		g.log.Debug("a session can't be opened now", "error", err.Error())
		return nil, refuseRedis
	}
	if s.Resumed() {
		return s, nil
	}
	why := g.newSession(who)
	if why != nil {
		g.turnedAway(who, why, "")
	}
	return s, why
}

// newSession counts a new session, or says that there are too many.
func (g *Gateway) newSession(who *sender) *event.Refusal {
	if wait := who.Session(time.Now()); wait > 0 {
		return g.tooManySessions(wait)
	}
	return nil
}

// tooManySessions refuses a new session or idempotency key, which may begin after a while.
func (g *Gateway) tooManySessions(wait time.Duration) *event.Refusal {
	why := event.Refuse(event.CodeRateLimited, "too many sessions or idempotency keys begin here: use each for more events.")
	why.RetryAfter = wait
	return g.overLimit(why)
}

// connect makes the connection, with its greeting as the first message.
func (g *Gateway) connect(ws *websocket.Conn, s *socket, who *sender, facts *facts, asked sessionRequest, session *produce.Session) *connection {
	h := hello{
		session: asked.name, next: 1, heartbeat: g.config.Heartbeat, limits: g.config.Limits,
		incarnation: facts.incarnation, durability: facts.durability,
	}
	if session == nil {
		h.session = rand.Text()
	}
	c := newConnection(g, ws, s, who, h.session)
	if session != nil {
		h.next, h.last = asked.next, session.Last()
		h.resumed, h.incarnation = session.Resumed(), session.Incarnation()
		c.resume(session, asked.next)
	}
	c.note(h.append(nil))
	return c
}

// handshakeTimeout bounds what a client waits for before its connection begins.
const handshakeTimeout = 10 * time.Second
