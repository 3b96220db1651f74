package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/control"
)

// placed is a connection in memory that comes from an address.
type placed struct {
	net.Conn
	from net.Addr
}

// RemoteAddr implements net.Conn.
func (p placed) RemoteAddr() net.Addr { return p.from }

// from opens a connection from an address, and says whether it stays open.
func (b *bubble) from(address string) (net.Conn, bool) {
	b.Helper()
	at, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(address, "1"))
	if err != nil {
		b.Fatal(err)
	}
	ours, theirs := net.Pipe()
	b.listener.conns <- placed{theirs, at}
	synctest.Wait()
	b.Cleanup(func() { _ = ours.Close() })
	_ = ours.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err = ours.Read(make([]byte, 1))
	_ = ours.SetReadDeadline(time.Time{})
	return ours, !errors.Is(err, io.EOF)
}

// expectOpen opens connections, the last of which stays open or not.
func (b *bubble) expectOpen(address string, times int, open bool) (last net.Conn) {
	b.Helper()
	for i := range times {
		c, stays := b.from(address)
		if want := open || i < times-1; stays != want {
			b.Errorf("connection %d from %s stays: %v", i+1, address, stays)
		}
		last = c
	}
	return last
}

// Connections that are no WebSocket are bounded, of an address and over all.
func TestConnectionsOfAnAddress(t *testing.T) {
	change := func(c *Config) {
		c.Rates.ConnectionsPerAddress = 3
		c.Access.TrustedProxies = []string{"10.9.0.0/16"}
	}
	inBubble(t, 1, change, func(b *bubble) {
		last := b.expectOpen("192.0.2.1", 3, true)
		b.expectOpen("192.0.2.1", 1, false)
		b.expectOpen("192.0.2.2", 1, true)
		b.expectOpen("2001:db8::1", 3, true)
		b.expectOpen("2001:db8::2", 1, false)
		b.expectOpen("127.0.0.1", 5, true)
		b.expectOpen("::1", 5, true)
		b.expectOpen("10.9.0.1", 5, true)
		_ = last.Close()
		synctest.Wait()
		last = b.expectOpen("192.0.2.1", 1, true)
		peer := upgrade(b, last, "", nil) // from here on it has a place among the WebSockets
		synctest.Wait()
		b.expectOpen("192.0.2.1", 2, false)
		_ = peer.Close()
		synctest.Wait()
		b.expectOpen("192.0.2.1", 1, false) // and gives none back twice
		b.gateway.limit(map[control.Limit]float64{control.ConnectionsPerAddress: 4})
		b.expectOpen("192.0.2.1", 2, false)
		byCode, events := b.gateway.metrics.refusals()
		if byCode[event.CodeOverloaded] != 5 || events != 0 {
			t.Errorf("counted are %v, and %d events", byCode, events)
		}
		if all := b.gateway.rejects.list(); len(all) != 2 || all[0].Source != "tcp" || all[0].Address != "192.0.2.1" || all[0].Count != 4 {
			t.Errorf("%+v", all)
		}
	})
	dry := func(c *Config) { c.Rates.ConnectionsPerAddress, c.Rates.DryRun = 1, true }
	inBubble(t, 1, dry, func(b *bubble) { b.expectOpen("192.0.2.1", 2, true) })
}

// Over all there are as many as may still become WebSockets, and some more.
func TestConnectionsOverAll(t *testing.T) {
	inBubble(t, 1, func(c *Config) { c.Rates.Connections = 2 }, func(b *bubble) {
		b.expectOpen("127.0.0.1", spareConnections+3, false)
	})
	inBubble(t, 1, func(c *Config) { c.Rates.Connections = 2 }, func(b *bubble) {
		upgrade(b, b.expectOpen("192.0.2.1", 1, true), "", nil)
		second := upgrade(b, b.expectOpen("192.0.2.1", 1, true), "", nil)
		synctest.Wait()
		b.gateway.limit(map[control.Limit]float64{control.Connections: 1}) // fewer than there are
		last := b.expectOpen("127.0.0.1", spareConnections, true)
		b.expectOpen("127.0.0.1", 1, false)
		b.gateway.limit(nil)
		_ = second.Close()
		synctest.Wait()
		b.expectOpen("127.0.0.1", 2, false)
		_ = last.Close()
		synctest.Wait()
		b.expectOpen("127.0.0.1", 1, true)
		b.gateway.limit(map[control.Limit]float64{control.Connections: 0})
		b.expectOpen("127.0.0.1", 5, true)
	})
}

// exhausted is a listener of a process without file descriptors.
type exhausted struct{ *pipeListener }

func (l exhausted) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
}

// That no connection can be accepted is said, once a second.
func TestAcceptFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged record
		p := &process{config: bubbleConfig(), log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))}
		d := p.newDoorman(exhausted{newPipeListener()})
		server := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(d) }()
		pass(2500 * time.Millisecond)
		_ = server.Shutdown(context.Background())
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
		if n := len(lines); n < 2 || n > 3 || !strings.Contains(lines[0], "too many open files") || !strings.Contains(lines[1], "not_logged=7") {
			t.Errorf("it says %d times: %s", n, logged.String())
		}
	})
}
