package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

func TestHelloToAnonymous(t *testing.T) {
	inBubble(t, 2, nil, func(b *bubble) {
		p := b.open("")
		m := p.next()
		if m.Type != "hello" || m.Next != 1 || m.Last != 0 || m.Resumed {
			t.Errorf("a new connection begins with 1: %+v", m)
		}
		if m.Incarnation != "life" || m.Durability != "fsynced" {
			t.Errorf("what is known of the stream is missing: %+v", m)
		}
		if m.HeartbeatMS != 30_000 || m.MaxFrameBytes != 1<<20 || m.MaxBatch != 1000 {
			t.Errorf("the limits are missing: %+v", m)
		}
		if other := b.open("").next(); m.Session == "" || m.Session == other.Session {
			t.Errorf("the sessions are %q and %q", m.Session, other.Session)
		}
	})
}

func TestHelloToNamedSession(t *testing.T) {
	inBubble(t, 2, nil, func(b *bubble) {
		m := b.open(named(17)).next()
		if m.Type != "hello" || m.Session != sessionName || m.Next != 17 || m.Resumed || m.Last != 0 {
			t.Errorf("hello is %+v", m)
		}
	})
}

// The greeting comes first, whoever else wants to say something.
func TestHelloComesFirst(t *testing.T) {
	inBubble(t, 1, func(c *Config) { c.Heartbeat = time.Second }, func(b *bubble) {
		go func() {
			for range 100 {
				for spoke := range spokes {
					for _, c := range b.gateway.connections.at(spoke) {
						c.say(messagePing)
					}
				}
				<-time.After(time.Millisecond)
			}
		}()
		for range 20 {
			if m := b.open("").next(); m.Type != "hello" {
				t.Fatalf("the first message is %v", m)
			}
		}
		pass(time.Second)
	})
}

func TestAcksAreCumulativeAndCoalesced(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		b.store.hold()
		p.send(ev(1))
		synctest.Wait() // its append is under way
		for n := range 9 {
			p.send(ev(n + 2))
		}
		synctest.Wait()
		b.store.release(0)
		synctest.Wait()
		// One append ended with event 1, one with all that had gathered; the writer may tell of both at once.
		var said []string
		for said = append(said, p.next().String()); said[len(said)-1] != "ack 10"; {
			said = append(said, p.next().String())
		}
		if len(said) > 2 {
			t.Errorf("10 events were acknowledged in %d messages: %v", len(said), said)
		}
		if got, want := b.store.data(), strings.Fields("1 2 3 4 5 6 7 8 9 10"); !slices.Equal(got, want) {
			t.Errorf("stored are %v", got)
		}
	})
}

// A lane that has nothing to do takes a frame whole: its first event does not go alone.
func TestFrameIsAppendedWhole(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		for n := range 20 {
			p.send(array(slices.Repeat([]string{ev(1)}, 100)...))
			p.expect(fmt.Sprint("ack ", 100*(n+1)))
		}
		if n := b.store.batches(); n != 20 {
			t.Errorf("20 frames took %d appends", n)
		}
	})
}

func TestErrorComesBeforeTheAckThatCoversIt(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		b.store.hold()
		p.send(array(ev(1), invalid, ev(3), `17`, ev(5), invalid))
		p.expect("error 2 invalid_event", "error 4 invalid_event", "error 6 invalid_event")
		b.store.release(0)
		p.expect("ack 6")
		if got := b.store.data(); !slices.Equal(got, []string{"1", "3", "5"}) {
			t.Errorf("stored are %v", got)
		}
		p.send(invalid) // nothing is under way: it is decided at once
		p.expect("error 7 invalid_event", "ack 7")
	})
}

func TestErrorNamesCodeAttributeAndHelp(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		p.send(invalid)
		m := p.next()
		if !strings.Contains(m.Message, `"type"`) || m.Retryable == nil || *m.Retryable || m.Help != "docs/protocol.md#invalid_event" {
			t.Errorf("the error says %+v", m)
		}
	})
}

// refusedWhole are frames that can't be decoded at all.
func refusedWhole() []struct {
	name, code string
	kind       websocket.MessageType
	frame      string
	close      websocket.StatusCode // of a named session
} {
	tooMany := array(slices.Repeat([]string{ev(1)}, 1001)...)
	return []struct {
		name, code string
		kind       websocket.MessageType
		frame      string
		close      websocket.StatusCode
	}{
		{"half an event", "invalid_json", websocket.MessageText, `{"type":"t"`, 1007},
		{"an event that breaks the second", "invalid_json", websocket.MessageText, `[{"type":"t"},{"type":]`, 1007},
		{"nothing", "invalid_json", websocket.MessageText, ``, 1007},
		{"two events", "invalid_json", websocket.MessageText, ev(1) + ev(2), 1007},
		{"not UTF-8", "invalid_json", websocket.MessageText, "{\"type\":\"\xff\"}", 1007},
		{"deep", "invalid_json", websocket.MessageText, ev(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), 1007},
		{"binary", "invalid_json", websocket.MessageBinary, ev(1), 1003},
		{"too long", "too_large", websocket.MessageText, ev(`"` + strings.Repeat("x", 2<<20) + `"`), 1009},
		{"too many events", "too_many_events", websocket.MessageText, tooMany, 1009},
	}
}

func TestAnonymousStaysOpenAfterFrameThatCannotBeDecoded(t *testing.T) {
	for _, c := range refusedWhole() {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, nil, func(b *bubble) {
				p := b.greeted("")
				p.send(ev(1))
				p.expect("ack 1")
				if err := p.ws.Write(b.Context(), c.kind, []byte(c.frame)); err != nil {
					t.Fatal(err)
				}
				p.expect("error " + c.code)
				p.send(ev(2))
				p.expect("ack 2") // the frame has used up no number
				if got := b.store.data(); !slices.Equal(got, []string{"1", "2"}) {
					t.Errorf("stored are %v", got)
				}
			})
		})
	}
}

func TestNamedSessionIsClosedAfterFrameThatCannotBeDecoded(t *testing.T) {
	for _, c := range refusedWhole() {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, nil, func(b *bubble) {
				p := b.greeted(named(1))
				b.store.hold()
				p.send(ev(1))
				synctest.Wait()
				if err := p.ws.Write(b.Context(), c.kind, []byte(c.frame)); err != nil {
					t.Fatal(err)
				}
				p.expect("error " + c.code)
				b.store.release(0)
				code, said := p.closed()
				if code != c.close || !slices.Equal(said, []string{"ack 1"}) {
					t.Errorf("closed with %d after %v", code, said)
				}
			})
		})
	}
}

func TestPingAndPongAreNoEvents(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		p.send(`{"type":"ping"}`)
		p.expect("pong")
		p.send(`{"type":"pong"}`)
		p.send(array(`{"type":"ping"}`, ev(1), `{"type":"pong"}`))
		p.expect("pong", "ack 1")
		p.send(`{"type":"ping","data":2}`)
		p.expect("ack 2")
		if got := b.store.data(); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("stored are %v", got)
		}
	})
}

// Partitions end in any order; what is acknowledged is what came before everything that is open.
func TestAcksStayInOrderOverPartitions(t *testing.T) {
	inBubble(t, 4, nil, func(b *bubble) {
		key := map[int]string{}
		for n := 0; len(key) < 4; n++ {
			k := fmt.Sprint("key", n)
			key[b.gateway.partitionOf([]byte(k))] = k
		}
		p := b.greeted(named(1))
		b.store.hold()
		for i, partition := range []int{2, 0, 3, 1, 2, 0} {
			p.send(fmt.Sprintf(`{"type":"t","partitionkey":%q,"data":%d}`, key[partition], i+1))
			synctest.Wait()
		}
		b.store.release(3) // event 3
		b.store.release(0) // events 2 and 6
		synctest.Wait()
		p.send(`{"type":"ping"}`)
		p.expect("pong") // and no ack before
		b.store.release(2)
		p.expectAck(3)
		b.store.release(1)
		p.expectAck(6)
		for _, e := range b.store.events() {
			if e.PartitionKey != key[e.partition] {
				t.Errorf("event %d of %q is in partition %d", e.number, e.PartitionKey, e.partition)
			}
		}
	})
}

// expectAck reads acks, and nothing else, up to number n.
func (p *peer) expectAck(n uint64) {
	p.Helper()
	for {
		switch m := p.next(); {
		case m.Type != "ack" || *m.Seq > n:
			p.Fatalf("the gateway says %v, want ack %d", m, n)
		case *m.Seq == n:
			return
		}
	}
}

func TestAcksOfSessionBeginWithNext(t *testing.T) {
	inBubble(t, 2, nil, func(b *bubble) {
		p := b.greeted(named(10))
		p.send(array(ev("10"), invalid))
		p.expect("error 11 invalid_event")
		p.expectAck(11)
		for _, e := range b.store.events() {
			if e.number != 10 || string(e.Data) != "10" {
				t.Errorf("stored is number %d, %s", e.number, e.Data)
			}
		}
	})
}

func TestNumbersEndBelow2To53(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted(named(1<<53 - 2))
		p.send(ev(1))
		p.send(ev(2))
		p.expectAck(1<<53 - 1)
		p.send(ev(3))
		code, said := p.closed()
		if code != websocket.StatusPolicyViolation || len(said) > 0 {
			t.Errorf("closed with %d after %v", code, said)
		}
		if events, bytes, _ := b.gateway.room.used(); events != 0 || bytes != 0 {
			t.Errorf("what was not taken still has room: %d events, %d bytes", events, bytes)
		}
	})
}

func TestEventFillsInWhatIsMissing(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		p.send(array(ev(`{"a":  1.50e0}`), `{"type":"t","id":"mine","source":"/here","time":"2020-01-02T03:04:05Z"}`))
		p.expectAck(2)
		all := b.store.events()
		if e := all[0]; len(e.ID) != 36 || e.Source != "/ws" || e.Time == "" || string(e.Data) != `{"a":  1.50e0}` {
			t.Errorf("completed: %+v", e.Event)
		}
		if e := all[1]; e.ID != "mine" || e.Source != "/here" || e.Time != "2020-01-02T03:04:05Z" {
			t.Errorf("changed: %+v", e.Event)
		}
	})
}
