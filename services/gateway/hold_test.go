package gateway

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/stream"
)

func TestSlowAndGo(t *testing.T) {
	away := errors.New("connection refused")
	cases := []struct {
		name, query string
		trouble     error
		held        time.Duration
		want        []string
	}{
		{"appends don't keep up", named(1), nil, time.Second, []string{"slow overloaded", "go", "ack 1"}},
		{"Redis is away", named(1), away, time.Second, []string{"slow unavailable", "go", "ack 1"}},
		{"Redis is full", named(1), stream.ErrFull, time.Second, []string{"slow overloaded", "go", "ack 1"}},
		{"not for long", named(1), nil, 90 * time.Millisecond, []string{"ack 1"}},
		{"anonymous", "", away, time.Second, []string{"ack 1"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fullRoom(t, func(b *bubble) {
				if c.trouble != nil {
					b.gateway.trouble.hear(c.trouble)
				}
				p := b.greeted(c.query)
				go func() {
					<-time.After(c.held)
					b.store.release(0)
				}()
				p.send(ev(1))
				p.expect(c.want...)
			})
		})
	}
}

// The reason that a client hears follows what happens.
func TestSlowSaysWhatIsNow(t *testing.T) {
	fullRoom(t, func(b *bubble) {
		p := b.greeted(named(1))
		p.send(ev(1))
		p.expect("slow overloaded")
		b.gateway.trouble.hear(errors.New("connection refused"))
		p.expect("slow unavailable")
		b.gateway.trouble.hear(nil)
		p.expect("slow overloaded")
		b.store.release(0)
		p.expect("go", "ack 1")
	})
}

// Until a data frame is held back, what a client asks is answered.
func TestClientsPingIsAnsweredWhileNothingIsAppended(t *testing.T) {
	fullRoom(t, func(b *bubble) {
		p := b.greeted(named(1))
		p.send(`{"type":"ping"}`)
		p.expect("pong")
	})
}

func TestRefusalsNeedNoRoom(t *testing.T) {
	fullRoom(t, func(b *bubble) {
		p := b.greeted(named(1))
		p.send(array(invalid, invalid))
		p.expect("error 1 invalid_event", "error 2 invalid_event", "ack 2")
	})
}

// A peer that never reads is cut after the write timeout, and what was to be said to it stays bounded.
func TestPeerThatNeverReadsIsCut(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.open("") // not even its hello is read
		frame := array(slices.Repeat([]string{invalid}, 1000)...)
		sent := make(chan int)
		go func() {
			n := 0
			for p.ws.Write(b.Context(), 1, []byte(frame)) == nil {
				n++
			}
			sent <- n
		}()
		synctest.Wait()
		c := b.connection()
		c.mu.Lock()
		notes := len(c.notes)
		c.mu.Unlock()
		if notes > unwritten+1000 {
			t.Errorf("%d messages are waiting for it", notes)
		}
		began := time.Now()
		if n := <-sent; n > 5 {
			t.Errorf("%d frames were taken from it", n)
		}
		if d := time.Since(began); d > writeTimeout {
			t.Errorf("it was cut after %v", d)
		}
		if _, err := p.read(); err == nil {
			t.Error("it is still connected")
		}
		synctest.Wait()
		if n := b.gateway.connections.count(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
	})
}

// A peer that reads slowly, but reads, gets everything in order.
func TestSlowReaderGetsEverything(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		const frames = 5
		go func() {
			for range frames {
				_ = p.ws.Write(b.Context(), 1, []byte(array(slices.Repeat([]string{invalid}, 1000)...)))
			}
		}()
		next := uint64(1)
		for next <= frames*1000 {
			m := p.next()
			switch m.Type {
			case "error":
				if *m.Seq != next {
					t.Fatalf("error %d follows error %d", *m.Seq, next-1)
				}
				next++
				<-time.After(time.Millisecond)
			case "ack":
				if *m.Seq >= next {
					t.Fatalf("ack %d comes before error %d", *m.Seq, next)
				}
			}
		}
	})
}

// connection is the newest one that is open.
func (b *bubble) connection() *connection {
	b.Helper()
	for spoke := range spokes {
		if all := b.gateway.connections.at(spoke); len(all) > 0 {
			return all[0]
		}
	}
	b.Fatal("nobody is connected")
	return nil
}

// A frame has to arrive in time, whatever else the peer sends meanwhile.
func TestSlowFrameIsCut(t *testing.T) {
	starts := map[string][]byte{
		"header":     {0x81, 0xfe},
		"few bytes":  append([]byte{0x81, 0xfe, 0x10, 0, 1, 2, 3, 4}, strings.Repeat("x", 100)...),
		"many bytes": append([]byte{0x81, 0xfe, 0xf0, 0, 1, 2, 3, 4}, strings.Repeat("x", 0xefff)...),
		"fragment":   {0x01, 0x81, 1, 2, 3, 4, 5},
	}
	ping := []byte{0x89, 0x80, 1, 2, 3, 4}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, nil, func(b *bubble) {
				c := b.raw("")
				began := time.Now()
				if _, err := c.Write(start); err != nil {
					t.Fatal(err)
				}
				for name == "fragment" { // control frames may come between the parts of a message
					if _, err := c.Write(ping); err != nil {
						break
					}
					<-time.After(time.Second)
				}
				<-c.ended
				if d := time.Since(began); d > 45*time.Second {
					t.Errorf("it was cut after %v", d)
				}
			})
		})
	}
}
