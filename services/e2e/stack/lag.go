package stack

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// Lag is a slow network before one gateway: what clients send is on its way for as long as the test likes, also when
// they have long given up the connection. What the gateway sends is not held up.
type Lag struct {
	t        testing.TB
	listener net.Listener
	gateway  string
	wg       sync.WaitGroup

	mu sync.Mutex
	// passes is how many more bytes may pass; -1: all.
	passes int
	held   int // bytes
	conns  map[net.Conn]struct{}
	closed bool
	// turned tells those who wait that passes, or what is held, is another.
	turned *sync.Cond
}

// Lag starts one before this gateway, which lets everything pass; it ends with the test.
func (s *Stack) Lag(gateway *Service) *Lag {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	g := &Lag{t: s.t, listener: l, gateway: gateway.Addr("http"), passes: -1, conns: map[net.Conn]struct{}{}}
	g.turned = sync.NewCond(&g.mu)
	g.wg.Go(g.accept)
	s.t.Cleanup(g.close)
	return g
}

// WebSocket is where events are sent to.
func (g *Lag) WebSocket() string { return "ws://" + g.listener.Addr().String() + "/ws" }

// Hold lets nothing more pass.
func (g *Lag) Hold() { g.set(0) }

// Pass lets that many bytes more pass, perhaps to the middle of a frame.
func (g *Lag) Pass(bytes int) { g.set(bytes) }

// Release lets everything pass again.
func (g *Lag) Release() { g.set(-1) }

// AwaitHeld waits until that many bytes are held.
func (g *Lag) AwaitHeld(bytes int) {
	g.t.Helper()
	Await(g.t, fmt.Sprintf("%d bytes are held", bytes), func() (int, bool) {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.held, g.held >= bytes
	})
}

func (g *Lag) set(passes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passes = passes
	g.turned.Broadcast()
}

func (g *Lag) accept() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return // closed
		}
		g.wg.Go(func() { g.serve(c) })
	}
}

// serve carries one connection. A client that goes is not missed before all that it sent has arrived.
func (g *Lag) serve(client net.Conn) {
	defer g.forget(client)
	gateway, err := net.Dial("tcp", g.gateway)
	if err != nil {
		return
	}
	defer g.forget(gateway)
	if !g.remember(client, gateway) {
		return
	}
	way := &way{lag: g}
	var both sync.WaitGroup
	both.Go(func() { way.fill(client) })
	both.Go(func() {
		way.empty(gateway)
		_ = gateway.Close()
	})
	_, _ = io.Copy(client, gateway)
	_, _ = io.Copy(io.Discard, gateway) // if it was the client who went, nobody hears the rest
	_ = client.Close()
	way.end()
	both.Wait()
}

func (g *Lag) remember(conns ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range conns {
		g.conns[c] = struct{}{}
	}
	return !g.closed
}

func (g *Lag) forget(c net.Conn) {
	_ = c.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

func (g *Lag) close() {
	_ = g.listener.Close()
	g.mu.Lock()
	g.closed, g.passes = true, -1
	for c := range g.conns {
		_ = c.Close()
	}
	g.turned.Broadcast()
	g.mu.Unlock()
	g.wg.Wait()
}

// way is what one client has sent and the gateway has not got. The lag's lock is its own.
type way struct {
	lag   *Lag
	bytes []byte
	ended bool
}

// fill reads at once whatever comes: what has been read can't be taken back by a client that goes.
func (w *way) fill(client net.Conn) {
	defer w.end()
	chunk := make([]byte, 32<<10)
	for {
		n, err := client.Read(chunk)
		w.add(chunk[:n])
		if err != nil {
			return
		}
	}
}

func (w *way) add(b []byte) {
	w.lag.mu.Lock()
	defer w.lag.mu.Unlock()
	w.bytes = append(w.bytes, b...)
	w.lag.held += len(b)
	w.lag.turned.Broadcast()
}

func (w *way) end() {
	w.lag.mu.Lock()
	defer w.lag.mu.Unlock()
	w.ended = true
	w.lag.turned.Broadcast()
}

// empty writes what may pass, until the client has ended and all of it is through.
func (w *way) empty(gateway net.Conn) {
	for {
		b := w.next()
		if len(b) == 0 {
			return
		}
		if _, err := gateway.Write(b); err != nil {
			return
		}
	}
}

// next takes what may pass as soon as there is some; nothing: the client has ended.
func (w *way) next() []byte {
	g := w.lag
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.passes == 0 || len(w.bytes) == 0 && !w.ended {
		g.turned.Wait()
	}
	n := len(w.bytes)
	if g.passes > 0 {
		n = min(n, g.passes)
		g.passes -= n
	}
	b := w.bytes[:n:n]
	w.bytes = w.bytes[n:]
	g.held -= n
	return b
}
