package gateway

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/stream/streamtest"
)

// masked is a text frame as a client sends it, with a mask of zeros.
func masked(text string) []byte {
	b := []byte{0x81}
	switch n := len(text); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), text...)
}

// What comes in one packet with the handshake is not lost.
func TestFramesSentWithTheHandshake(t *testing.T) {
	g := startGateway(t, streamtest.Embedded(t), nil)
	for _, n := range []int{1, 10, 300} { // the last one is more than net/http's buffer
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c, err := net.Dial("tcp", g.addr)
			if err != nil {
				t.Fatal(err)
			}
			var more []byte
			var ids []string
			for i := range n {
				ids = append(ids, fmt.Sprintf("early-%d-%d", n, i))
				more = append(more, masked(with(ids[i], ""))...)
			}
			more = append(more, 0x88, 0x80, 0, 0, 0, 0) // close
			p := upgrade(t, c, "", more)
			<-p.ended
			count := map[string]int{}
			eventually(t, "all are stored", func() bool {
				clear(count)
				for _, e := range g.stored() {
					count[e.ID]++
				}
				return !slices.ContainsFunc(ids, func(id string) bool { return count[id] == 0 })
			})
			for _, id := range ids {
				if count[id] != 1 {
					t.Errorf("%s is stored %d times", id, count[id])
				}
			}
		})
	}
}

// Valid events around bad input are stored, whatever the input was.
func TestBadInputOverTCP(t *testing.T) {
	g := startGateway(t, streamtest.Redis(t), nil)
	p := g.open("")
	p.expect("hello")
	var ids []string
	for i, c := range refusedWhole() {
		ids = append(ids, fmt.Sprint("around-", i))
		p.send(with(ids[i], ""))
		p.expectAck(uint64(i) + 1)
		if err := p.ws.Write(t.Context(), c.kind, []byte(c.frame)); err != nil {
			t.Fatal(err)
		}
		if got := p.next().String(); got != "error "+c.code {
			t.Errorf("%s: the gateway says %s", c.name, got)
		}
	}
	for i, c := range refusedWhole() {
		session := g.open(fmt.Sprintf("?session=%s-%d&next=1", sessionName, i))
		session.expect("hello")
		id := fmt.Sprint("before-", i)
		ids = append(ids, id)
		session.send(with(id, ""))
		if err := session.ws.Write(t.Context(), c.kind, []byte(c.frame)); err != nil {
			t.Fatal(err)
		}
		code, said := session.closed()
		if code != c.close || !slices.Contains(said, "ack 1") || !slices.Contains(said, "error "+c.code) {
			t.Errorf("%s: a named session is closed with %d after %v", c.name, code, said)
		}
	}
	g.expectOnce(ids...)
}

func TestGarbageOverTCP(t *testing.T) {
	g := startGateway(t, streamtest.Embedded(t), nil)
	for name, garbage := range map[string][]byte{
		"random":         bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 1000),
		"TLS":            {0x16, 0x03, 0x01, 0x02, 0x00, 0x01},
		"unmasked":       {0x81, 0x02, '{', '}'},
		"a reserved bit": {0xf1, 0x80, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", g.addr)
			if err != nil {
				t.Fatal(err)
			}
			p := upgrade(t, c, "", masked(with("before-"+name, "")))
			_, _ = p.Write(garbage)
			if said := p.said(); !strings.Contains(said, "\x03\xea") { // 1002
				t.Errorf("the gateway says %q", said)
			}
			eventually(t, "the event before it is stored", func() bool {
				for _, e := range g.stored() {
					if e.ID == "before-"+name {
						return true
					}
				}
				return false
			})
		})
	}
}

// Large frames, and frames in many parts, arrive as they were sent.
func TestLargeAndFragmentedFrames(t *testing.T) {
	g := startGateway(t, streamtest.Embedded(t), nil)
	p := g.open("")
	p.expect("hello")
	for i, size := range []int{1, 16, 125, 126, 4096, chunkSize - 1, chunkSize, 1 << 16, 1<<20 - 200} {
		data := fmt.Sprintf("%q", strings.Repeat("x", size))
		p.send(fmt.Sprintf(`{"type":"t","id":"size-%d","data":%s}`, i, data))
		p.expectAck(uint64(2*i) + 1)
		w, err := p.ws.Writer(t.Context(), websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		frame := []byte(fmt.Sprintf(`{"type":"t","id":"parts-%d","data":%s}`, i, data))
		for part := range slices.Chunk(frame, max(1, len(frame)/17)) {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		p.expectAck(uint64(2*i) + 2)
		found := 0
		for _, e := range g.stored() {
			if e.ID == fmt.Sprint("size-", i) || e.ID == fmt.Sprint("parts-", i) {
				found++
				if string(e.Data) != data {
					t.Errorf("%s has other data: %d bytes of %d", e.ID, len(e.Data), len(data))
				}
			}
		}
		if found != 2 {
			t.Errorf("of %d bytes, %d events are stored", size, found)
		}
	}
}

// A handshake that takes too long is cut.
func TestSlowHandshakeIsCut(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		c, err := b.listener.dial()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}()
		began := time.Now()
		for err == nil { // a letter a second
			_, err = c.Write([]byte("x"))
			<-time.After(time.Second)
		}
		if d := time.Since(began); d > headerTimeout+2*time.Second {
			t.Errorf("it was cut after %v", d)
		}
	})
}

// A frame that has no end is left, with a code that forbids to send it again.
func TestFrameWithoutEnd(t *testing.T) {
	for _, query := range []string{"", named(1)} {
		t.Run("query "+query, func(t *testing.T) {
			inBubble(t, 1, nil, func(b *bubble) {
				p := b.raw(query)
				if _, err := p.Write([]byte{0x81, 0x80 | 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err != nil { // 1 TB
					t.Fatal(err)
				}
				junk := bytes.Repeat([]byte("x"), 1<<20)
				for range skipBytes>>20 + 1 {
					if _, err := p.Write(junk); err != nil {
						t.Fatalf("it ended early: %v", err)
					}
				}
				began := time.Now()
				for err := error(nil); err == nil; { // it does not listen, and goes on slowly
					_, err = p.Write(junk[:100])
					<-time.After(time.Second)
				}
				if d := time.Since(began); d > closeTimeout+2*time.Second {
					t.Errorf("it was cut after %v", d)
				}
				if said := p.said(); !strings.Contains(said, "\x03\xf1") || !strings.Contains(said, "too_large") {
					t.Errorf("the gateway says %q", said)
				}
			})
		})
	}
}
