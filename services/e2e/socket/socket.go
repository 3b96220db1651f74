// Package socket is a WebSocket client that costs next to nothing, and that does what it likes: its frames are bytes
// which the caller has encoded beforehand (masked with zeros, which the protocol allows), whole or not, many at a time or
// one byte after the other. A generator that encodes each event takes half of a small machine, and then a benchmark is
// one of the generator; a library that keeps to the protocol can't show what becomes of those who don't.
package socket

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Socket is one connection, greeted. One goroutine may read and another write.
type Socket struct {
	net.Conn
	// Hello is the greeting as it was sent.
	Hello string

	in *bufio.Reader
}

// Refused is the gateway's answer to a handshake that it does not take.
type Refused struct {
	Status int
	Header http.Header
	// Code says why, where the gateway says it with a code.
	Code string
}

// Error implements error.
func (r *Refused) Error() string { return fmt.Sprintf("the gateway answers %d %s", r.Status, r.Code) }

// Dial connects to /ws, with a query that names a session or "", and waits for the greeting: a session sends nothing
// before. An answer other than a connection is a *Refused.
func Dial(ctx context.Context, addr, query string, header http.Header) (*Socket, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	s := &Socket{Conn: c, in: bufio.NewReaderSize(c, 1<<10)}
	if err := s.greet(query, header); err != nil {
		_ = c.Close()
		return nil, err
	}
	return s, nil
}

func (s *Socket) greet(query string, header http.Header) error {
	if _, err := s.Write(Handshake(query, header)); err != nil {
		return err
	}
	r, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusSwitchingProtocols {
		refused := &Refused{Status: r.StatusCode, Header: r.Header}
		_ = json.NewDecoder(r.Body).Decode(refused) // some are plain text
		return refused
	}
	if s.Hello, err = s.Message(); err != nil || !strings.HasPrefix(s.Hello, `{"type":"hello"`) {
		return fmt.Errorf("no hello but %q: %w", s.Hello, err)
	}
	return nil
}

// Handshake is what asks for a WebSocket.
func Handshake(query string, header http.Header) []byte {
	var b strings.Builder
	b.WriteString("GET /ws" + query + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	_ = header.Write(&b)
	b.WriteString("\r\n")
	return []byte(b.String())
}

// Message returns the next message, and answers pings before it.
func (s *Socket) Message() (string, error) {
	for {
		opcode, payload, err := s.frame()
		if err != nil {
			return "", err
		}
		switch opcode {
		case Text:
			return string(payload), nil
		case closes:
			return "", fmt.Errorf("closed: %q", payload)
		case ping:
			if _, err := s.Write(Frame(pong, payload)); err != nil {
				return "", err
			}
		}
	}
}

func (s *Socket) frame() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(head[1] & 0x7f)
	if n == 126 {
		var long [2]byte
		if _, err := io.ReadFull(s.in, long[:]); err != nil {
			return 0, nil, err
		}
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(s.in, payload)
	return head[0] & 0x0f, payload, err
}

// Opcodes of frames (RFC 6455, 5.2).
const (
	Text   = 1
	closes = 8
	ping   = 9
	pong   = 10
)

// Frame encodes a client's frame.
func Frame(opcode byte, payload []byte) []byte {
	b := []byte{0x80 | opcode}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// Acked is the number of an ack; ok is false for any other message.
func Acked(message string) (n uint64, ok bool) {
	digits, ok := strings.CutPrefix(message, `{"type":"ack","seq":`)
	if !ok {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
