package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// socket is a WebSocket client that costs next to nothing: its frames are encoded beforehand (masked with zeros,
// which the protocol allows) and written many at a time. A generator that encodes each event takes half of a small
// machine, and then the benchmark is one of the generator.
type socket struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(ctx context.Context, addr string) (*socket, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &socket{conn: c, in: bufio.NewReaderSize(c, 1<<10)}
	if _, err := fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", addr); err != nil {
		return nil, err
	}
	r, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the gateway answers %s", r.Status)
	}
	if m, err := s.read(); err != nil || !strings.Contains(m, `"hello"`) {
		return nil, fmt.Errorf("no hello but %q: %w", m, err)
	}
	return s, nil
}

// read returns the next message.
func (s *socket) read() (string, error) {
	for {
		opcode, payload, err := s.frame()
		if err != nil {
			return "", err
		}
		switch opcode {
		case 1:
			return string(payload), nil
		case 8:
			return "", fmt.Errorf("closed: %q", payload)
		case 9: // ping
			if _, err := s.conn.Write(frameOf(10, payload)); err != nil {
				return "", err
			}
		}
	}
}

func (s *socket) frame() (opcode byte, payload []byte, err error) {
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

// frameOf encodes a client's frame.
func frameOf(opcode byte, payload []byte) []byte {
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

// ackOf reads the number of an ack; any other message is an error but a ping.
func ackOf(m string) (uint64, error) {
	var n uint64
	switch {
	case strings.HasPrefix(m, `{"type":"ack","seq":`):
		for _, c := range m[len(`{"type":"ack","seq":`):] {
			if c < '0' || c > '9' {
				break
			}
			n = n*10 + uint64(c-'0')
		}
		return n, nil
	case strings.HasPrefix(m, `{"type":"ping"`):
		return 0, nil
	}
	return 0, fmt.Errorf("the gateway says %s", m)
}
