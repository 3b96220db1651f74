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
	asked, err := parseSession(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	session, err := g.openSession(r.Context(), asked)
	if err != nil {
		g.log.Debug("a session can't be opened now", "error", err.Error())
		comeAgain(w, refuseRedis)
		return
	}
	h := &hijacker{ResponseWriter: w}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       subprotocols,
		InsecureSkipVerify: true, // sameOrigin has looked at the Origin already, and knows --cors-origins
	})
	if err != nil {
		g.log.Debug("a handshake failed", "error", err.Error())
		return
	}
	ws.SetReadLimit(-1) // frames are measured in frame.fill, so that a connection can survive one that is too long
	if !g.connections.add(g.connect(r.Context(), ws, h.socket, asked, session)) {
		_ = ws.Close(goingAway.code, goingAway.reason)
	}
}

// openSession reads what is remembered of a named session, before anything is promised to the client.
func (g *Gateway) openSession(ctx context.Context, asked sessionRequest) (*produce.Session, error) {
	if asked.name == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	return g.recall(ctx, asked.name)
}

// connect makes the connection, with its greeting as the first message.
func (g *Gateway) connect(ctx context.Context, ws *websocket.Conn, s *socket, asked sessionRequest, session *produce.Session) *connection {
	facts := g.facts.Load()
	h := hello{
		session: asked.name, next: 1, heartbeat: g.config.Heartbeat, limits: g.config.Limits,
		incarnation: facts.incarnation, durability: facts.durability,
	}
	if session == nil {
		h.session = rand.Text()
	}
	c := newConnection(g, access.From(ctx), ws, s, h.session)
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
