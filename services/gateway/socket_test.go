package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// socketPair is a lean socket and the connection at its other end.
func socketPair(t *testing.T, early []byte) (*socket, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return newSocket(here, early), there.(*net.TCPConn)
}

func TestSocketReadsEverythingInOrder(t *testing.T) {
	s, there := socketPair(t, []byte("early "))
	want := []byte("early ")
	body := bytes.Repeat([]byte("0123456789abcde"), 300<<10/15)
	want = append(want, body...)
	done := make(chan error, 1)
	go func() {
		_, err := there.Write(body)
		done <- errors.Join(err, there.CloseWrite())
	}()
	var got []byte
	for size := 1; ; size = size%7000 + 13 {
		b := make([]byte, size)
		n, err := s.Read(b)
		got = append(got, b[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, %d were sent; or they differ", len(got), len(want))
	}
}

func TestSocketOwnsNoBufferWhileIdle(t *testing.T) {
	s, there := socketPair(t, nil)
	for range 3 {
		if _, err := there.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(s, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if s.chunk != nil || s.pending != nil {
			t.Fatal("all is read, and a buffer is kept")
		}
	}
	_ = s.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := s.Read(make([]byte, 5)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a read past its deadline ends with %v", err)
	}
	if s.chunk != nil {
		t.Error("a buffer is kept after a read that got nothing")
	}
}

// A read that is under way ends with a deadline in the past, and the socket can be read on after it.
func TestSocketReadCanBeEndedAndGoesOn(t *testing.T) {
	s, there := socketPair(t, nil)
	ended := make(chan error, 1)
	go func() {
		_, err := s.Read(make([]byte, 1))
		ended <- err
	}()
	_ = s.SetReadDeadline(time.Unix(1, 0))
	var network net.Error
	if err := <-ended; !errors.As(err, &network) || !network.Timeout() {
		t.Fatalf("it ended with %v", err)
	}
	_ = s.SetReadDeadline(time.Time{})
	_, _ = there.Write([]byte("x"))
	if b := make([]byte, 1); func() bool { _, err := s.Read(b); return err != nil || b[0] != 'x' }() {
		t.Error("it can't be read any more")
	}
}

// The deadline of a frame is set only when it has to be waited for, once, and runs from then.
func TestSocketFrameDeadline(t *testing.T) {
	s, there := socketPair(t, nil)
	_, _ = there.Write([]byte("whole frame, half"))
	b := make([]byte, 11)
	if _, err := io.ReadFull(s, b[:1]); err != nil { // the rest is in the chunk now
		t.Fatal(err)
	}
	s.expect(20 * time.Millisecond)
	if _, err := io.ReadFull(s, b[:10]); err != nil {
		t.Fatal(err)
	}
	if s.ended() || s.unheard.Load() != 0 {
		t.Error("a frame that was here set a deadline")
	}
	s.expect(20 * time.Millisecond)
	_, err := io.ReadFull(s, make([]byte, 100))
	if !errors.Is(err, os.ErrDeadlineExceeded) || s.unheard.Load()%2 != 1 {
		t.Errorf("a frame that does not come ends with %v, %d", err, s.unheard.Load())
	}
	if !s.ended() || s.unheard.Load()%2 != 0 {
		t.Error("the deadline was not set, or is not over")
	}
	if _, err := s.Read(b); err == nil {
		t.Error("nobody has taken the deadline off, and it is gone")
	}
}

func TestSocketSeesTheEnd(t *testing.T) {
	s, there := socketPair(t, nil)
	_ = there.SetLinger(0)
	_ = there.Close() // RST
	_, err := s.Read(make([]byte, 1))
	var network *net.OpError
	if !errors.Is(err, io.EOF) && !errors.As(err, &network) {
		t.Errorf("a connection that was reset ends with %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed socket reads %v", err)
	}
}

// Reads allocate nothing.
func TestSocketReadAllocatesNothing(t *testing.T) {
	s, there := socketPair(t, nil)
	b, word := make([]byte, 5), []byte("hello")
	if n := testing.AllocsPerRun(1000, func() {
		_, _ = there.Write(word)
		_, _ = io.ReadFull(s, b)
	}); n >= 1 {
		t.Errorf("a read allocates %.1f times", n)
	}
}
