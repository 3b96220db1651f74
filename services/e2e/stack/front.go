package stack

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Front spreads connections over gateways that are up, as a load balancer does.
type Front struct {
	t        testing.TB
	listener net.Listener
	backends []string
	wg       sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]string // and the gateway that it leads to; empty: a client's
	closed bool
}

// Front starts one before these gateways; it ends with the test.
func (s *Stack) Front(gateways ...*Service) *Front {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	f := &Front{t: s.t, listener: l, conns: map[net.Conn]string{}}
	for _, g := range gateways {
		f.backends = append(f.backends, g.Addr("http"))
	}
	f.wg.Go(f.accept)
	s.t.Cleanup(f.close)
	return f
}

// WebSocket is where events are sent to.
func (f *Front) WebSocket() string { return "ws://" + f.listener.Addr().String() + "/ws" }

// Carries is how many connections lead to a gateway now.
func (f *Front) Carries(g *Service) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, gateway := range f.conns {
		if gateway == g.Addr("http") {
			n++
		}
	}
	return n
}

func (f *Front) accept() {
	for {
		c, err := f.listener.Accept()
		if err != nil {
			return // closed
		}
		f.wg.Go(func() { f.serve(c) })
	}
}

// serve connects a client with the first gateway that answers, in any order.
func (f *Front) serve(c net.Conn) {
	defer f.forget(c)
	f.remember(c, "")
	for _, i := range rand.Perm(len(f.backends)) {
		b, err := net.Dial("tcp", f.backends[i])
		if err != nil {
			continue
		}
		defer f.forget(b)
		f.remember(b, f.backends[i])
		var back sync.WaitGroup
		back.Go(func() { pass(c, b) })
		pass(b, c)
		back.Wait()
		return
	}
}

// pass copies one direction, and ends both when it ends.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

func (f *Front) remember(c net.Conn, gateway string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns[c] = gateway
	if f.closed {
		_ = c.Close()
	}
}

func (f *Front) forget(c net.Conn) {
	_ = c.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}

func (f *Front) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	f.closed = true
	for c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}
