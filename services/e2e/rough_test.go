package e2e

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/socket"
	"millrace.dev/services/e2e/stack"
)

// do asks a gateway with headers of one's own, on a connection of its own.
func do(t *testing.T, gateway *stack.Service, method, path string, header http.Header, body []byte) (status int, answer []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, gateway.URL(path), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header, r.Close = header.Clone(), true
	client := http.Client{Timeout: proc.Patience}
	w, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if answer, err = io.ReadAll(w.Body); err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, answer
}

// rough opens a connection for who speaks no more HTTP than it likes, and sends the beginning. It ends with the test.
func rough(t *testing.T, gateway *stack.Service, beginning []byte) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", gateway.Addr("http"), proc.Patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, _ = c.Write(beginning) // the gateway may have ended it before the last byte
	return c
}

// upgraded is a WebSocket for who does with it what it likes; or the status with which it was refused. It ends with the
// test.
func upgraded(t *testing.T, gateway *stack.Service, query string, header http.Header) (ws *socket.Socket, refused *socket.Refused) {
	t.Helper()
	ws, err := socket.Dial(t.Context(), gateway.Addr("http"), query, header)
	if refused, ok := errors.AsType[*socket.Refused](err); ok {
		return nil, refused
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return ws, nil
}

// open is upgraded where nothing else may happen.
func open(t *testing.T, gateway *stack.Service, query string, header http.Header) *socket.Socket {
	t.Helper()
	ws, refused := upgraded(t, gateway, query, header)
	if refused != nil {
		t.Fatal(refused)
	}
	return ws
}

// cut waits until the gateway has ended a connection, whatever it said before, and returns that.
func cut(t *testing.T, c net.Conn) []byte {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(proc.Patience))
	said, err := io.ReadAll(c)
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		t.Fatalf("a connection was not cut; it heard %.200q", said)
	}
	return said
}

// from is a request that a trusted proxy passes on from an address.
func from(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }

// footprint is what a gateway takes of the machine, from before it is abused.
type footprint struct {
	t       *testing.T
	gateway *stack.Service
	before  proc.Memory
	files   int
}

func measure(t *testing.T, gateway *stack.Service) *footprint {
	t.Helper()
	gateway.ForgetPeak()
	return &footprint{t, gateway, gateway.Memory(), gateway.Descriptors()}
}

// within checks that memory did not grow by more than that, and that all that was opened is closed. What the race
// detector adds is several times what the gateway itself takes.
func (f *footprint) within(mebibytes int64) {
	f.t.Helper()
	after := f.gateway.Memory()
	grew := (after.Peak - f.before.Now) >> 20
	f.t.Logf("resident memory of the gateway, built with the race detector: %d MiB before, %d MiB at its peak, %d MiB after",
		f.before.Now>>20, after.Peak>>20, after.Now>>20)
	if grew > mebibytes {
		f.t.Errorf("memory grew by %d MiB, more than %d", grew, mebibytes)
	}
	f.closed()
}

// closed waits until the gateway's files and sockets are as few as they were, but for some that come and go.
func (f *footprint) closed() {
	f.t.Helper()
	stack.Await(f.t, "the gateway has closed what it had opened", func() (int, bool) {
		n := f.gateway.Descriptors()
		return n, n <= f.files+8
	})
}

// beside lets some clients behave while a gateway is abused: half of them sessions. The function that it returns tells
// how they fared, and checks that all that they sent is stored, once.
func beside(t *testing.T, s *stack.Stack, gateway *stack.Service, header http.Header) (end func()) {
	t.Helper()
	var crowd stack.Crowd
	for _, name := range []string{"calm-1", "calm-2"} {
		crowd = append(crowd, s.Steady(name, gateway, "", header), s.Steady("named-"+name, gateway, stack.AsSession(name), header))
	}
	finish := crowd.Begin(20 * time.Millisecond)
	return func() {
		t.Helper()
		t.Logf("those who behave beside it: %v", finish())
		s.Stored().Exactly(crowd.Sent())
	}
}
