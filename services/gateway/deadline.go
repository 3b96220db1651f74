package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// bodyTimeout is how long a body may take to arrive.
	bodyTimeout = 30 * time.Second
	// lingerTimeout is how long a body is read past that nobody wanted, after its answer: who is still sending has then
	// a chance to read it.
	lingerTimeout = time.Second
	// writeChunk is how much of an answer has to get on its way within writeTimeout.
	writeChunk = 16 << 10
)

// timely gives a request deadlines, whoever answers it. Its body has bodyTimeout; an answer that goes out before the
// body is read whole ends the connection, for net/http would first read the rest, and wait for it. Each part of an
// answer has writeTimeout, so a peer that reads slowly gets it all and one that reads nothing is cut off.
func timely(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &timedWriter{ResponseWriter: w, connection: http.NewResponseController(w)}
		defer t.end()
		if r.Body != nil && r.Body != http.NoBody {
			_ = t.connection.SetReadDeadline(time.Now().Add(bodyTimeout))
			t.body = &timedBody{ReadCloser: r.Body, connection: t.connection}
			r = r.WithContext(r.Context()) // net/http looks at the body of its own
			r.Body = t.body
		}
		h.ServeHTTP(t, r)
	})
}

// timedBody takes the deadline off when it is read whole. From then on the connection is read for its end only, and the
// deadline would be taken for one.
type timedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	whole      bool
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.whole {
		b.whole = true
		_ = b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

// timedWriter writes an answer with deadlines.
type timedWriter struct {
	http.ResponseWriter
	connection *http.ResponseController
	body       *timedBody // nil: the request has none
	begun      bool       // the header is written
	own        bool       // who answers sets the deadlines of its writes
	hijacked   bool
}

// WriteHeader implements http.ResponseWriter.
func (t *timedWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		t.begin()
	}
	t.ResponseWriter.WriteHeader(status)
}

// begin ends the connection with this answer if its request is not read whole.
func (t *timedWriter) begin() {
	if !t.begun && t.unread() {
		t.Header().Set("Connection", "close")
	}
	t.begun = true
}

func (t *timedWriter) unread() bool { return t.body != nil && !t.body.whole }

// Write implements http.ResponseWriter.
func (t *timedWriter) Write(p []byte) (written int, err error) {
	t.begin()
	for {
		t.hurry()
		n, err := t.ResponseWriter.Write(p[written:min(len(p), written+writeChunk)])
		written += n
		if err != nil || written >= len(p) {
			return written, err
		}
	}
}

func (t *timedWriter) hurry() {
	if !t.own {
		_ = t.connection.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
}

// FlushError is what http.ResponseController flushes with.
func (t *timedWriter) FlushError() error {
	t.begin()
	t.hurry()
	return t.connection.Flush()
}

// SetWriteDeadline is for those who know better, from then on: event streams.
func (t *timedWriter) SetWriteDeadline(at time.Time) error {
	t.own = true
	return t.connection.SetWriteDeadline(at)
}

// Hijack implements http.Hijacker. Whoever takes the connection takes the deadlines off.
func (t *timedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	t.hurry() // what was answered before goes out first
	c, rw, err := t.connection.Hijack()
	t.hijacked = err == nil
	return c, rw, err
}

// Unwrap lets http.ResponseController reach the writer below.
func (t *timedWriter) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// end leaves net/http the deadlines for what it does after the answer: it sends the end of it, and reads past what is
// left of the body.
func (t *timedWriter) end() {
	if t.hijacked {
		return
	}
	t.begin()
	if t.unread() {
		_ = t.connection.SetReadDeadline(time.Now().Add(lingerTimeout))
	}
	_ = t.connection.SetWriteDeadline(time.Now().Add(writeTimeout))
}
