package gateway

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

func TestHeartbeat(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		pongs := 0
		p := dialWith(b, b.client, "ws://gateway/ws", websocket.DialOptions{
			OnPingReceived: func(context.Context, []byte) bool { pongs++; return true },
		})
		p.expect("hello")
		began := time.Now()
		for range 3 {
			if m, err := p.read(); err != nil || m.Type != "ping" {
				t.Fatalf("the gateway says %v, %v", m, err)
			}
		}
		if d := time.Since(began); d < 60*time.Second || d > 90*time.Second {
			t.Errorf("three heartbeats took %v", d)
		}
		if pongs < 2 {
			t.Errorf("%d protocol pings came with three messages", pongs)
		}
	})
}

// silentPeer answers no protocol pings.
func silentPeer(b *bubble, query string) *peer {
	b.Helper()
	p := dialWith(b, b.client, "ws://gateway/ws"+query, websocket.DialOptions{
		OnPingReceived: func(context.Context, []byte) bool { return false },
	})
	p.expect("hello")
	return p
}

func TestPeerThatMissesPongsIsCut(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		silent, lively := silentPeer(b, ""), b.greeted("")
		answered := make(chan struct{})
		go func() { defer close(answered); lively.closed() }()
		began := time.Now()
		if code, _ := silent.closed(); code != -1 {
			t.Errorf("it was closed with %d", code)
		}
		if d := time.Since(began); d > 45*time.Second {
			t.Errorf("it was cut after %v", d)
		}
		pass(5 * time.Minute)
		if n := b.gateway.connections.count(); n != 1 {
			t.Errorf("%d connections are open, the lively one should be", n)
		}
		lively.ws.CloseNow()
		<-answered
	})
}

// fullRoom is a gateway with room for one frame of ten, which is taken.
func fullRoom(t *testing.T, f func(b *bubble)) {
	t.Helper()
	inBubble(t, 1, func(c *Config) { c.BufferEvents, c.MaxBatch = 10, 10 }, func(b *bubble) {
		b.store.hold()
		p := b.greeted("")
		p.send(array(strings.Split(strings.Repeat(ev(0)+"|", 9)+ev(0), "|")...))
		synctest.Wait()
		if events, _, _ := b.gateway.room.used(); events != 10 {
			t.Fatalf("%d events fill the room", events)
		}
		go p.closed() // it answers pings until the end
		f(b)
		p.ws.CloseNow()
	})
}

// One that is held back and goes leaves nothing behind, however long nothing is appended: who comes again every minute
// would otherwise fill the memory, and the table of open files.
func TestPeerHeldBackMayGo(t *testing.T) {
	for _, query := range []string{"", named(1)} {
		t.Run("query "+query, func(t *testing.T) {
			fullRoom(t, func(b *bubble) {
				p := b.greeted(query)
				p.send(ev(1))
				synctest.Wait()
				p.ws.CloseNow()
				pass(2 * time.Minute)
				if n := b.gateway.connections.count(); n != 1 {
					t.Errorf("%d connections are open, the one that fills the room should be", n)
				}
				b.store.release(0)
				synctest.Wait()
				if n := len(b.store.events()); n != 10 {
					t.Errorf("%d events are stored, there were 10 of one who is still there", n)
				}
			})
		})
	}
}

// A peer that is held back can't show that it lives. It stays, and hears that the gateway does.
func TestPeerHeldBackStays(t *testing.T) {
	for _, query := range []string{"", named(1)} {
		t.Run("query "+query, func(t *testing.T) {
			fullRoom(t, func(b *bubble) {
				p := silentPeer(b, query)
				p.send(ev(1))
				beats := 0
				for began := time.Now(); time.Since(began) < 10*time.Minute; {
					m, err := p.read()
					if err != nil {
						t.Fatalf("it was cut after %v: %v", time.Since(began), err)
					}
					if m.Type == "ping" {
						beats++
					}
				}
				if beats < 19 {
					t.Errorf("it heard %d heartbeats in 10 minutes", beats)
				}
				b.store.release(0)
				if query != "" {
					p.expect("go")
				}
				p.expect("ack 1")
			})
		})
	}
}
