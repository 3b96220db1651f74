package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/access"
)

// call is a connection that was sent the beginning of a request.
func (b *bubble) call(request string) net.Conn {
	b.Helper()
	c, err := b.listener.dial()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		b.Fatal(err)
	}
	return c
}

// Who is not let in is told at once, and can't keep the connection by a body that does not come.
func TestUnreadBodyEndsTheConnection(t *testing.T) {
	admin, _ := keyOf(t, "root", access.Admin)
	const length = "Content-Length: 200000\r\n\r\nx"
	for _, c := range []struct{ name, request, status string }{
		{"no such path", "POST /nothing HTTP/1.1\r\nHost: gateway\r\n" + length, "404"},
		{"no such method", "POST /health HTTP/1.1\r\nHost: gateway\r\n" + length, "405"},
		{"no key for control", "POST /api/keys HTTP/1.1\r\nHost: gateway\r\n" + length, "401"},
		{"no key for events", "POST /api/events HTTP/1.1\r\nHost: gateway\r\n" + length, "401"},
		{"in chunks", "POST /api/events HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", "401"},
		{"from a page elsewhere", "POST /api/events HTTP/1.1\r\nHost: gateway\r\nOrigin: https://evil.example\r\n" + length, "403"},
		{"a name that is not ours", "GET /favicon.svg HTTP/1.1\r\nHost: evil.example\r\n" + length, "421"},
		{"of a GET that is answered", "GET /health HTTP/1.1\r\nHost: gateway\r\n" + length, "200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, func(c *Config) { c.Access = access.Config{Hosts: []string{"gateway"}} }, func(b *bubble) {
				b.process.keys.Set(access.NewRing([]access.Key{admin}))
				b.endsWithin(lingerTimeout+time.Second, c.request, c.status)
			})
		})
	}
	inBubble(t, 1, nil, func(b *bubble) { // those who are let in
		b.endsWithin(lingerTimeout+time.Second, "POST /api/events HTTP/1.1\r\nHost: gateway\r\nContent-Type: text/csv\r\n"+length, "415")
		b.endsWithin(bodyTimeout+lingerTimeout+time.Second, "POST /api/events HTTP/1.1\r\nHost: gateway\r\n"+length, "400")
		b.endsWithin(bodyTimeout+lingerTimeout+time.Second, "POST /api/control/pause HTTP/1.1\r\nHost: gateway\r\n"+length, "400")
	})
}

// endsWithin checks that a request is answered so, and that the connection ends by that time.
func (b *bubble) endsWithin(d time.Duration, request, status string) {
	b.Helper()
	began := time.Now()
	conn := b.call(request)
	defer conn.Close()
	all, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 "+status) || !strings.Contains(string(all), "Connection: close") {
		b.Errorf("%v, it says %s", err, all)
	}
	if took := time.Since(began); took > d {
		b.Errorf("it takes %v", took)
	}
}

// A connection whose requests are read whole goes on, also after a pause that is longer than any deadline.
func TestReadBodyKeepsTheConnection(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		conn := b.call("")
		defer conn.Close()
		r := bufio.NewReader(conn)
		for range 3 {
			_, _ = io.WriteString(conn, "POST /api/events HTTP/1.1\r\nHost: gateway\r\nContent-Length: 12\r\n\r\n"+`{"type":"t"}`)
			response, err := http.ReadResponse(r, nil)
			if err != nil || response.StatusCode != http.StatusAccepted || response.Close {
				t.Fatalf("%v, %v", response, err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			pass(bodyTimeout + writeTimeout)
		}
	})
}

// Who reads nothing of what was asked for is cut off; also of what net/http says by itself.
func TestWhoReadsNothingIsCutOff(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		for _, request := range []string{"GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n"} {
			conn := b.call(request)
			pass(writeTimeout + lingerTimeout)
			if _, err := conn.Write([]byte("x")); err == nil {
				t.Errorf("after %q it is still open", request)
			}
			_ = conn.Close()
		}
	})
}

// timelyServer serves requests by a handler under deadlines, and returns a connection that was sent one.
func timelyServer(t *testing.T, request string, serve http.HandlerFunc) net.Conn {
	t.Helper()
	l := newPipeListener()
	server := &http.Server{Handler: timely(serve), WriteTimeout: writeTimeout, ReadHeaderTimeout: headerTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	conn, err := l.dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Who reads slowly gets it all.
func TestWhoReadsSlowlyIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := bytes.Repeat([]byte("x"), 20*writeChunk)
		conn := timelyServer(t, "GET / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter, _ *http.Request) {
			if n, err := w.Write(long); n != len(long) || err != nil {
				t.Errorf("written are %d, %v", n, err)
			}
		})
		total, err := int64(0), error(nil)
		for err == nil {
			pass(writeTimeout / 4) // 50 s in all
			var n int64
			n, err = io.CopyN(io.Discard, conn, writeChunk)
			total += n
		}
		if total < int64(len(long)) {
			t.Errorf("%d bytes came, %v", total, err)
		}
	})
}

// Once a body is read whole, who waits for its answer is not taken for one that has gone.
func TestAnswerMayTakeLongerThanTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := timelyServer(t, "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			select {
			case <-r.Context().Done():
				t.Error("the request ends while its answer is awaited")
			case <-time.After(2 * bodyTimeout):
			}
		})
		_, _ = io.Copy(io.Discard, conn)
	})
}

// Whoever sets deadlines for its own writes has them.
func TestOwnWriteDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := timelyServer(t, "GET / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter, _ *http.Request) {
			c := http.NewResponseController(w)
			if err := c.SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			_, _ = w.Write([]byte("x"))
			if err := c.Flush(); err != nil {
				t.Error(err)
			}
		})
		pass(2 * writeTimeout)
		_, _ = io.Copy(io.Discard, conn)
	})
}

// An event stream says nothing for longer than an answer may take, and goes on; a body that nobody reads does not
// change that.
func TestEventStreamOutlivesDeadlines(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		for _, body := range []string{"\r\n", "Content-Length: 200000\r\n\r\nx"} {
			conn := b.call("GET /api/stats/stream HTTP/1.1\r\nHost: gateway\r\n" + body)
			r := bufio.NewReader(conn)
			for beats := 0; beats < 5; {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Fatalf("after %d heartbeats: %v", beats, err)
				}
				if strings.HasPrefix(line, ": heartbeat") {
					beats++
				}
			}
			_ = conn.Close()
			synctest.Wait()
		}
	})
}
