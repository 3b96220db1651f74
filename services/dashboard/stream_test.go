package dashboard

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The tests of this file run in a bubble: its clock stands still until everything waits, and a connection is
// a net.Pipe, which holds nothing: a client that does not read blocks the server's write at once.

// pipeListener hands out the server's ends of pipes.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func listen() *pipeListener {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.done) })
	return l
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error { l.close(); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// site is a server with the dashboard d on it.
type site struct {
	t      *testing.T
	d      *Dashboard
	server *http.Server
	listen *pipeListener
	served sync.WaitGroup
}

func serve(t *testing.T, c Config) *site {
	t.Helper()
	mux := http.NewServeMux()
	s := &site{t: t, d: New(c), server: &http.Server{Handler: mux, ReadTimeout: time.Second}, listen: listen()}
	s.d.Register(mux, openToAll)
	s.served.Go(func() {
		if err := s.server.Serve(s.listen); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// stop ends the server and whatever it still does; the bubble would not end otherwise.
func (s *site) stop() {
	_ = s.server.Close()
	s.served.Wait()
}

// browser is one connection that asked for the stream and has read nothing yet.
type browser struct {
	t    *testing.T
	conn net.Conn
	body *bufio.Reader
	resp *http.Response
}

func (s *site) visit(header string) *browser {
	client, server := net.Pipe()
	s.listen.conns <- server
	if _, err := client.Write([]byte("GET /api/stats/stream HTTP/1.1\r\nHost: millrace\r\n" + header + "\r\n")); err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, conn: client}
}

// open reads the headers.
func (b *browser) open() *browser {
	resp, err := http.ReadResponse(bufio.NewReader(b.conn), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.resp, b.body = resp, bufio.NewReader(resp.Body)
	return b
}

// block reads up to the next empty line.
func (b *browser) block() string {
	b.t.Helper()
	var block strings.Builder
	for {
		line, err := b.body.ReadString('\n')
		if err != nil {
			b.t.Fatalf("the stream ended after %q: %v", block.String(), err)
		}
		if line == "\n" {
			return block.String()
		}
		block.WriteString(line)
	}
}

func event(n uint64) string { return strings.TrimSuffix(string(newReading(accepted(n)).event), "\n") }

func TestStreamFraming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{})
		defer s.stop()
		s.d.publish(accepted(1))
		began := time.Now()
		b := s.visit("Last-Event-ID: 1772366400000\r\n").open()
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff",
		} {
			if got := b.resp.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if got := b.block(); got != "retry: 1000\n" {
			t.Errorf("first comes %q", got)
		}
		if got, want := b.block(), "id: 1772366401000\nevent: stats\ndata: "+string(renderStats(accepted(1)))+"\n"; got != want {
			t.Errorf("the first event is %q, want %q", got, want)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the first event came after %v", waited)
		}
		s.d.publish(accepted(2))
		if got := b.block(); got != event(2) {
			t.Errorf("the second event is %q", got)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the second event came after %v", waited)
		}
	})
}

func TestStreamBeforeStatsHasAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{})
		defer s.stop()
		b := s.visit("").open()
		b.block()
		if got, want := b.block(), "id: 0\nevent: stats\ndata: "+string(renderStats(nil))+"\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestStreamHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{})
		defer s.stop()
		b := s.visit("").open()
		b.block()
		b.block()
		began := time.Now()
		for beat := range 20 { // five minutes: far beyond the deadlines of a read and of a write
			if got := b.block(); got != ": heartbeat\n" {
				t.Fatalf("%q instead of a heartbeat", got)
			}
			if since, want := time.Since(began), time.Duration(beat+1)*15*time.Second; since != want {
				t.Fatalf("heartbeat after %v, want %v", since, want)
			}
		}
	})
}

// A client that is behind skips what is outdated: nothing queues up for it.
func TestSlowClientGetsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{})
		defer s.stop()
		b := s.visit("").open()
		b.block()
		b.block()
		for n := range uint64(100) {
			s.d.publish(accepted(n + 1))
			synctest.Wait() // the first of them is being written and blocks
		}
		if got := b.block(); got != event(1) {
			t.Errorf("got %q, want the event that was being written", got)
		}
		if got := b.block(); got != event(100) {
			t.Errorf("got %q, want the newest", got)
		}
	})
}

func TestClientThatDoesNotReadIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{})
		defer s.stop()
		b := s.visit("")
		defer b.conn.Close()
		other := s.visit("").open()
		synctest.Wait()
		if got := s.d.Clients(); got != 2 {
			t.Errorf("%d clients, want 2", got)
		}
		time.Sleep(10 * time.Second) //nolint:forbidigo // in a bubble: the time of one write
		synctest.Wait()
		if slow, clients := s.d.SlowClients(), s.d.Clients(); slow != 1 || clients != 1 {
			t.Errorf("%d dropped as slow and %d left, want 1 and 1", slow, clients)
		}
		s.d.publish(accepted(1))
		other.block()
		other.block()
		if got := other.block(); got != event(1) {
			t.Errorf("the other client got %q", got)
		}
	})
}

func TestClientThatLeavesIsNotSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{})
		defer s.stop()
		b := s.visit("").open()
		_ = b.conn.Close()
		synctest.Wait()
		if slow, clients := s.d.SlowClients(), s.d.Clients(); slow != 0 || clients != 0 {
			t.Errorf("%d dropped as slow and %d left, want none", slow, clients)
		}
	})
}

// Streams must not hold up a server that drains: they end, complete, when Run does.
func TestStreamsEndWithRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{StatsAddr: "127.0.0.1:1", Log: quiet()})
		defer s.stop()
		b := s.visit("").open()
		b.block()
		b.block()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.d.Run(ctx); err != nil {
			t.Error(err)
		}
		if _, err := b.body.ReadByte(); err != io.EOF {
			t.Errorf("the stream goes on, or was cut: %v", err)
		}
		synctest.Wait()
		if got := s.d.Clients(); got != 0 {
			t.Errorf("%d clients left", got)
		}
	})
}
