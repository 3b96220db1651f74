package gateway

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// What was taken before a drain is stored and acknowledged, then the connection is closed with a code to come back.
func TestDrain(t *testing.T) {
	for _, query := range []string{"", named(1)} {
		t.Run("query "+query, func(t *testing.T) {
			inBubble(t, 4, nil, func(b *bubble) {
				p := b.greeted(query)
				b.store.hold()
				for n := range 10 {
					p.send(fmt.Sprintf(`{"type":"t","partitionkey":"k%d","data":%d}`, n, n))
				}
				synctest.Wait()
				b.stop()
				p.expect("draining")
				b.store.releaseAll()
				code, said := p.closed()
				if code != websocket.StatusServiceRestart || len(said) == 0 || said[len(said)-1] != "ack 10" {
					t.Errorf("closed with %d after %v", code, said)
				}
				if n := len(b.store.events()); n != 10 {
					t.Errorf("%d events are stored", n)
				}
			})
		})
	}
}

// Nothing that was acknowledged may be missing, and nothing acknowledged that was not stored, wherever the drain
// falls in a stream of events.
func TestDrainUnderLoad(t *testing.T) {
	for after := range 20 {
		inBubble(t, 4, nil, func(b *bubble) {
			p := b.greeted(named(1))
			var helpers sync.WaitGroup
			defer helpers.Wait()
			helpers.Go(func() {
				for n := 1; ; n++ {
					event := fmt.Sprintf(`{"type":"t","partitionkey":"k%d","data":%d}`, n%7, n)
					if p.ws.Write(b.Context(), websocket.MessageText, []byte(event)) != nil {
						return
					}
					<-time.After(time.Duration(n%3) * time.Millisecond)
				}
			})
			helpers.Go(func() {
				<-time.After(time.Duration(after) * time.Millisecond)
				b.stop()
			})
			acked := uint64(0)
			for {
				m, err := p.read()
				if err != nil {
					if code := websocket.CloseStatus(err); code != websocket.StatusServiceRestart {
						t.Errorf("closed with %d: %v", code, err)
					}
					break
				}
				if m.Type == "ack" {
					acked = *m.Seq
				}
			}
			var numbers []uint64
			for _, e := range b.store.events() {
				numbers = append(numbers, e.number)
			}
			slices.Sort(numbers)
			if uint64(len(numbers)) != acked || acked > 0 && numbers[acked-1] != acked {
				t.Errorf("acknowledged up to %d, stored are %v", acked, numbers)
			}
		})
	}
}

// A frame that is held back when the drain begins is forgotten: its sender sends it again, elsewhere.
func TestDrainForgetsWhatIsHeldBack(t *testing.T) {
	fullRoom(t, func(b *bubble) {
		p := b.greeted(named(1))
		p.send(ev(1))
		p.expect("slow overloaded")
		b.stop()
		code, said := p.closed()
		if code != websocket.StatusServiceRestart || !slices.Equal(said, []string{"draining"}) {
			t.Errorf("closed with %d after %v", code, said)
		}
		b.store.releaseAll()
		if n := slices.Index(b.store.data(), "1"); n >= 0 {
			t.Error("what was not taken is stored")
		}
	})
}

// Redis that stays away ends the grace: what is not stored is not acknowledged, and everybody is let go.
func TestDrainWithoutRedis(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted(named(1))
		b.store.hold()
		p.send(ev(1))
		synctest.Wait()
		began := time.Now()
		b.stop()
		_, said := p.closed()
		if !slices.Equal(said, []string{"draining"}) {
			t.Errorf("the gateway says %v", said)
		}
		if d := time.Since(began); d > 21*time.Second {
			t.Errorf("it took %v", d)
		}
		err := <-b.ended
		b.ended <- nil                                                // for close
		if d := time.Since(began); d > 12*time.Second || err != nil { // the grace of all parts is one
			t.Errorf("the gateway ended after %v with %v", d, err)
		}
	})
}

// A peer that neither reads nor answers does not hold up the others, nor the end.
func TestDrainWithDeafPeer(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		b.open("")
		p := b.greeted("")
		began := time.Now()
		b.stop()
		if code, said := p.closed(); code != websocket.StatusServiceRestart || time.Since(began) > time.Second {
			t.Errorf("closed with %d after %v and %v", code, said, time.Since(began))
		}
		err := <-b.ended
		b.ended <- nil
		if d := time.Since(began); d > 25*time.Second || err != nil {
			t.Errorf("the gateway ended after %v with %v", d, err)
		}
	})
}

func TestDrainTellsWhenToComeBack(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		b.stop()
		if m := p.next(); m.Type != "draining" || m.ReconnectAfterMS != int(reconnectAfter.Milliseconds()) {
			t.Errorf("the gateway says %+v", m)
		}
		p.closed()
	})
}

// A fault in a decoder ends one connection. It may have happened under any lock.
func TestFaultEndsOneConnection(t *testing.T) {
	inBubble(t, 4, nil, func(b *bubble) {
		p, other := b.greeted(""), b.greeted("")
		healthy := b.gateway.partitions
		b.gateway.partitions = make([]*partition, len(healthy)) // every access is a nil dereference
		p.send(ev(1))
		code, _ := p.closed()
		b.gateway.partitions = healthy
		if code != websocket.StatusInternalError {
			t.Errorf("closed with %d", code)
		}
		other.send(ev(2))
		other.expect("ack 1")
		synctest.Wait()
		if n := b.gateway.connections.count(); n != 1 {
			t.Errorf("%d connections are open", n)
		}
	})
}

// A fault while a batch is written to leaves the batch to the others.
func TestFaultInEncoderLeavesPartition(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p, other := b.greeted(""), b.greeted("")
		b.store.hold()
		other.send(ev(1))
		synctest.Wait()
		other.send(ev(2)) // fills a batch
		synctest.Wait()
		queued := b.gateway.partitions[0].queue[0]
		part := queued.Parts
		queued.Parts = nil // an index out of range
		p.send(ev(3))
		if code, _ := p.closed(); code != websocket.StatusInternalError {
			t.Errorf("closed with %d", code)
		}
		queued.Parts = part
		other.send(ev(4))
		synctest.Wait()
		b.store.release(0)
		other.expectAck(3)
		if got := strings.Join(b.store.data(), " "); got != "1 2 4" {
			t.Errorf("stored are %s", got)
		}
	})
}

func TestNotTheWebSocketProtocol(t *testing.T) {
	for name, bytes := range map[string]string{
		"garbage":  "\xde\xad\xbe\xef and so on",
		"unmasked": "\x81\x02{}",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, nil, func(b *bubble) {
				c, err := b.listener.dial()
				if err != nil {
					t.Fatal(err)
				}
				p := upgrade(b, c, "", nil)
				if _, err := p.Write([]byte(bytes)); err != nil {
					t.Fatal(err)
				}
				<-p.ended
				if said := p.said(); !strings.Contains(said, "\x03\xea") { // 1002
					t.Errorf("the gateway says %q", said)
				}
			})
		})
	}
}
