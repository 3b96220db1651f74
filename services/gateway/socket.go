package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// chunkSize is how much a socket is read at a time.
const chunkSize = 16 << 10

// writeTimeout bounds one write to a peer: one that reads nothing for so long is cut off.
const writeTimeout = 10 * time.Second

// What a connection keeps while it is idle, instead of net/http's 4 KB each way.
const (
	idleReadBuffer  = 16 // bufio's least
	idleWriteBuffer = 256
)

var chunks = sync.Pool{New: func() any { b := make([]byte, chunkSize); return &b }}

// socket is a TCP connection that owns no read buffer while it is idle: it takes one from a pool when there is
// something to read and gives it back when that is consumed. So 10,000 quiet browsers cost 10,000 stacks and
// not 10,000 buffers. Every write has a deadline. Other connections (TLS, tests' pipes) keep buffers of their own.
type socket struct {
	net.Conn
	raw     syscall.RawConn
	chunk   *[]byte
	pending []byte
	// direct is where the running read goes, fill is (*socket).receive: bound once, not a closure a read.
	fill  func(fd uintptr) bool
	err   error
	early []byte // what the client had sent with its handshake

	// patience is how long the frame that is being read may take from the moment that it has to be waited for;
	// it is used up when the deadline is set, and limited says that it was.
	patience time.Duration
	limited  bool
	// unheard is odd while a pong of the peer could not be read: a frame that comes before it is not here yet, or
	// is held back.
	unheard atomic.Uint32
}

func newSocket(c net.Conn, early []byte) *socket {
	s := &socket{Conn: c, early: early}
	if t, ok := c.(*net.TCPConn); ok {
		if raw, err := t.SyscallConn(); err == nil {
			s.raw, s.fill = raw, s.receive
		}
	}
	return s
}

// expect begins a frame. If reading has to wait for the peer before it ends, it waits no longer than that. A frame
// that is here already costs nothing. Only the reading goroutine may call it.
func (s *socket) expect(within time.Duration) { s.patience, s.limited = within, false }

// ended ends a frame and says whether a deadline was set for it, which is the caller's to take off.
func (s *socket) ended() (limited bool) {
	limited = s.limited
	s.patience, s.limited = 0, false
	if limited {
		s.unheard.Add(1)
	}
	return limited
}

// hurry sets the deadline of the frame that is being read, once.
func (s *socket) hurry() {
	if s.patience == 0 {
		return
	}
	_ = s.SetReadDeadline(time.Now().Add(s.patience))
	s.patience, s.limited = 0, true
	s.unheard.Add(1)
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		s.early = s.early[n:]
		return n, nil
	}
	if s.raw == nil {
		s.hurry()
		return s.Conn.Read(p)
	}
	if len(s.pending) == 0 {
		s.hurry()
		if err := s.await(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	if len(s.pending) == 0 {
		s.giveBack()
	}
	return n, nil
}

// await waits until the socket is readable and fills a chunk.
func (s *socket) await() error {
	if err := s.raw.Read(s.fill); err != nil {
		return err
	}
	return s.err
}

// receive reads once. It returns false, and holds no chunk, when there is nothing to read yet.
func (s *socket) receive(fd uintptr) bool {
	s.chunk = chunks.Get().(*[]byte)
	for {
		n, err := syscall.Read(int(fd), *s.chunk)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			s.giveBack()
			return false
		case err != nil:
			s.giveBack()
			s.err = &net.OpError{Op: "read", Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
		case n == 0:
			s.giveBack()
			s.err = io.EOF
		default:
			s.pending, s.err = (*s.chunk)[:n], nil
		}
		return true
	}
}

func (s *socket) giveBack() {
	chunks.Put(s.chunk)
	s.chunk, s.pending = nil, nil
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

// abort makes the kernel forget what the peer does not take, when the connection is closed.
func (s *socket) abort() {
	if t, ok := s.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
}

// hijacker hands the WebSocket library a socket in place of net/http's connection.
type hijacker struct {
	http.ResponseWriter
	socket *socket
}

// Hijack implements http.Hijacker. What the client had sent already goes with the connection: Accept reads
// on from there, not from the buffer.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	h.socket = newSocket(c, append([]byte(nil), early...))
	if err := rw.Writer.Flush(); err != nil {
		return nil, nil, err
	}
	if err := c.SetDeadline(time.Time{}); err != nil { // the handshake's
		return nil, nil, err
	}
	size := idleReadBuffer
	if h.socket.raw == nil {
		size = 4 << 10
	}
	return h.socket, bufio.NewReadWriter(bufio.NewReaderSize(h.socket, size), bufio.NewWriterSize(h.socket, idleWriteBuffer)), nil
}

// Unwrap lets http.ResponseController reach the writer below.
func (h *hijacker) Unwrap() http.ResponseWriter { return h.ResponseWriter }
