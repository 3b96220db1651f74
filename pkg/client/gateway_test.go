package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// gateway is a stand-in that keeps sessions as the protocol says, over a network in memory. What a test wants of it
// beyond that is in its hooks.
type gateway struct {
	conns chan net.Conn
	done  chan struct{}

	// greet returns what hello says beside type, session and next; status, if set, refuses handshakes.
	greet  func(connection int) map[string]any
	status func(connection int) int
	// answer, if set, answers a handshake itself, and says so.
	answer func(connection int, w http.ResponseWriter, r *http.Request) bool
	// greeted, if set, is called after the greeting.
	greeted func(l *line)
	// frame hears of each frame before it is stored, and says what to do with it.
	frame func(l *line, events []json.RawMessage) verdict

	mu          sync.Mutex
	connections int
	sessions    []string
	stored      map[uint64]string // by number, of the session that came last
	order       []string          // what was stored, of all sessions, as it was first
	duplicates  int
	faults      []error
}

// verdict is what becomes of a frame.
type verdict int

const (
	take    verdict = iota // store and acknowledge it
	lose                   // end the connection: it is not stored
	forget                 // store it and end the connection: its acknowledgement is lost
	keep                   // store it and say nothing
	handled                // the hook has done everything
)

// line is one connection of the gateway.
type line struct {
	ws         *websocket.Conn
	connection int // from 1
	last       uint64
}

func (l *line) say(v map[string]any) {
	b, _ := json.Marshal(v)
	_ = l.ws.Write(context.Background(), websocket.MessageText, b)
}

func (l *line) context() context.Context { return context.Background() }

func (l *line) ack(n uint64) { l.say(map[string]any{"type": "ack", "seq": n}) }

// withGateway runs f in a bubble with a gateway and the configuration of a client of it.
func withGateway(t *testing.T, f func(t *testing.T, g *gateway, c Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{conns: make(chan net.Conn), done: make(chan struct{}), stored: map[uint64]string{}}
		server := &http.Server{Handler: g}
		served := make(chan error, 1)
		go func() { served <- server.Serve(g) }()
		transport := &http.Transport{DialContext: g.dial}
		f(t, g, Config{
			URL: "ws://gateway/ws", HTTP: &http.Client{Transport: transport},
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		transport.CloseIdleConnections()
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := errors.Join(g.faults...); err != nil {
			t.Error(err)
		}
	})
}

// running is a client whose Run is under way.
type running struct {
	*Client
	stop  context.CancelFunc
	ended chan error
}

// start makes a client and runs it until the test ends.
func start(t *testing.T, c Config) *running {
	t.Helper()
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return run(client)
}

// run runs a client until it is ended.
func run(client *Client) *running {
	ctx, stop := context.WithCancel(context.Background())
	r := &running{client, stop, make(chan error, 1)}
	go func() { r.ended <- client.Run(ctx) }()
	return r
}

// end stops the client and checks that its Run ends without an error.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Errorf("Run returns %v", err)
	}
}

func (g *gateway) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case g.conns <- theirs:
		return ours, nil
	case <-g.done:
		return nil, net.ErrClosed
	}
}

// Accept, Close and Addr make it a net.Listener.
func (g *gateway) Accept() (net.Conn, error) {
	select {
	case c := <-g.conns:
		return c, nil
	case <-g.done:
		return nil, net.ErrClosed
	}
}

func (g *gateway) Close() error   { close(g.done); return nil }
func (g *gateway) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

// ServeHTTP is one connection.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.connections++
	l := &line{connection: g.connections}
	g.mu.Unlock()
	if g.status != nil {
		if status := g.status(l.connection); status != 0 {
			http.Error(w, "refused", status)
			return
		}
	}
	if g.answer != nil && g.answer(l.connection, w, r) {
		return
	}
	next, err := strconv.ParseUint(r.URL.Query().Get("next"), 10, 64)
	if err != nil || next > maxNumber || r.URL.Query().Get("session") == "" {
		g.fault("the session is asked for with %s", r.URL.RawQuery)
	}
	if l.ws, err = websocket.Accept(w, r, nil); err != nil {
		g.fault("accepting: %w", err)
		return
	}
	defer l.ws.CloseNow()
	l.last = next - 1
	g.enter(r.URL.Query().Get("session"))
	hello := map[string]any{"type": "hello", "session": r.URL.Query().Get("session"), "next": next,
		"resumed": g.count() > 0, "incarnation": "one", "durability": "memory", "heartbeat_ms": 30_000}
	if g.greet != nil {
		maps.Copy(hello, g.greet(l.connection))
	}
	l.say(hello)
	if g.greeted != nil {
		g.greeted(l)
	}
	for g.next(l) {
	}
}

// next takes one frame, and says whether the connection goes on.
func (g *gateway) next(l *line) bool {
	_, b, err := l.ws.Read(context.Background())
	if err != nil {
		return false
	}
	var events []json.RawMessage
	if json.Unmarshal(b, &events) != nil {
		events = []json.RawMessage{b}
	}
	v := take
	if g.frame != nil {
		v = g.frame(l, events)
	}
	if v == lose || v == handled {
		return v == handled
	}
	g.store(l, events)
	if v == take {
		l.ack(l.last)
	}
	return v != forget
}

func (g *gateway) store(l *line, events []json.RawMessage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range events {
		l.last++
		before, known := g.stored[l.last]
		if known && before != string(e) {
			g.faults = append(g.faults, fmt.Errorf("number %d was %s and is %s", l.last, before, e))
		}
		if known {
			g.duplicates++
		} else {
			g.order = append(g.order, string(e))
		}
		g.stored[l.last] = string(e)
	}
}

func (g *gateway) fault(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, fmt.Errorf(format, args...))
}

// enter begins or goes on with a session.
func (g *gateway) enter(session string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.sessions); n == 0 || g.sessions[n-1] != session {
		g.sessions = append(g.sessions, session)
		g.stored = map[uint64]string{}
	}
}

// count is the number of events stored.
func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.stored)
}

// dialled is the number of connections so far.
func (g *gateway) dialled() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.connections
}

// pass lets time pass, in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// numbered is the n-th event of a test, encoded.
func numbered(n int) []byte { return fmt.Appendf(nil, `{"type":"t","data":%d}`, n) }
