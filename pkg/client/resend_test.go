package client

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// fate is a gateway in a bad world: connections end at random points, before or after what came was stored or in the
// middle of it, with or without what was to be said of it; some events are refused; it is slow, it says nothing, it
// goes away.
type fate struct {
	*gateway
	mu   sync.Mutex // a connection that is lost may still be read while the next one is
	rand *rand.Rand
}

func (f *fate) frame(l *line, events []json.RawMessage) verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(events)
	switch f.rand.IntN(25) {
	case 0:
		return lose
	case 1:
		refusing(l, f.gateway, events)
		return lose // its acknowledgement is lost
	case 2, 3, 4: // only the beginning of it is stored when the connection ends
		refusing(l, f.gateway, events[:f.rand.IntN(n)])
		if f.rand.IntN(2) == 0 {
			l.ack(l.last)
		}
		return lose
	case 5: // nothing is said: the next acknowledgement covers it, or the connection ends
		refusing(l, f.gateway, events)
		return handled
	case 6:
		l.say(map[string]any{"type": "slow", "code": "overloaded"})
		<-time.After(time.Duration(f.rand.IntN(60)) * time.Second)
		l.say(map[string]any{"type": "go"})
	case 7:
		refusing(l, f.gateway, events)
		l.say(map[string]any{"type": "draining", "reconnect_after_ms": f.rand.IntN(3000)})
		if f.rand.IntN(2) == 0 {
			l.ack(l.last)
		}
		_ = l.ws.Close(websocket.StatusServiceRestart, "")
		return lose
	case 8:
		_ = l.ws.Write(l.context(), websocket.MessageText, []byte("garbage"))
		return lose
	case 9:
		l.ack(l.last + 100_000) // which was never sent: the client leaves
	}
	refusing(l, f.gateway, events)
	l.ack(l.last)
	return handled
}

// outcomes are what the callbacks of a run said, by event.
type outcomes struct {
	mu    sync.Mutex
	calls map[int][]error
}

func (o *outcomes) add(n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls[n] = append(o.calls[n], err)
}

// data is that of event n: every eleventh is bad.
func data(n int) []any {
	if n%11 == 0 {
		return []any{n, "bad"}
	}
	return []any{n, "good"}
}

// Whatever befalls the connection, every event is stored once, in order, under its own number; every callback is called
// once, and hears what became of its own event.
func TestResendsUntilDecided(t *testing.T) {
	for seed := range uint64(60) {
		withGateway(t, func(t *testing.T, g *gateway, c Config) {
			f := &fate{gateway: g, rand: rand.New(rand.NewPCG(seed, 8))}
			g.frame = f.frame
			c.Window = 50
			client := start(t, c)
			defer client.end(t)
			r := rand.New(rand.NewPCG(seed, 7))
			told := &outcomes{calls: map[int][]error{}}
			events := 0
			for range 80 {
				events = publishSome(t, client.Client, r, events, told)
			}
			if err := client.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s := client.State(); s.Lost != 0 {
				t.Errorf("seed %d: the state is %+v", seed, s)
			}
			var good []string
			for n := 1; n <= events; n++ {
				bad := n%11 == 0
				if !bad {
					good = append(good, fmt.Sprintf(`[%d,"good"]`, n))
				}
				if calls := told.calls[n]; len(calls) != 1 || (len(numbersOf(calls[0])) > 0) != bad || !bad && calls[0] != nil {
					t.Errorf("seed %d: the callbacks of event %d heard %v", seed, n, calls)
				}
			}
			if len(g.order) != len(good) {
				t.Fatalf("seed %d: %d events are stored, want %d", seed, len(g.order), len(good))
			}
			for i, e := range g.order {
				if !strings.Contains(e, good[i]) {
					t.Fatalf("seed %d: place %d has %s, want %s", seed, i, e, good[i])
				}
			}
		})
	}
}

// publishSome publishes one event, or a few, or a frame, and returns the number of the last.
func publishSome(t *testing.T, c *Client, r *rand.Rand, last int, told *outcomes) int {
	t.Helper()
	if r.IntN(3) > 0 {
		for range 1 + r.IntN(4) {
			last++
			n := last
			if err := c.Publish(t.Context(), Event{Type: "t", Data: data(n)}, func(err error) { told.add(n, err) }); err != nil {
				t.Fatal(err)
			}
		}
		return last
	}
	first := last + 1
	var frame []any
	for range 1 + r.IntN(5) {
		last++
		frame = append(frame, map[string]any{"type": "t", "data": data(last)})
	}
	b, _ := json.Marshal(frame)
	err := c.PublishFrame(t.Context(), b, len(frame), func(f Frame, err error) {
		refused := map[uint64]bool{}
		for _, n := range numbersOf(err) {
			refused[n] = true
		}
		for i := range f.Events {
			switch number := f.First + uint64(i); {
			case number != uint64(first+i):
				t.Errorf("event %d has number %d", first+i, number)
			case refused[number]:
				told.add(first+i, &Refusal{Number: number})
			case len(refused) == 0:
				told.add(first+i, err)
			default:
				told.add(first+i, nil)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}
