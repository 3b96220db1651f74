package client

import (
	"encoding/json"
	"testing"
	"testing/synctest"
)

// When the numbers run out another session begins, as soon as all is decided: nothing is lost, doubled or out of order.
func TestNumbersRunOut(t *testing.T) {
	for name, shape := range map[string][]int{
		"single": {1, 1, 1, 1, 1, 1}, "frame across the end": {1, 1, 4, 1}, "frame up to the end": {3, 3, 1}, "long": {1, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				lost := false
				g.frame = func(l *line, _ []json.RawMessage) verdict {
					if !lost && l.last >= maxNumber-2 { // while the last numbers are under way
						lost = true
						return forget
					}
					return take
				}
				client, err := New(c)
				if err != nil {
					t.Fatal(err)
				}
				client.queue.last, client.queue.acked, client.queue.told = maxNumber-3, maxNumber-3, maxNumber-3
				r := run(client)
				defer r.end(t)
				events := 0
				for _, n := range shape {
					frame := []json.RawMessage{}
					for range n {
						events++
						frame = append(frame, numbered(events))
					}
					b, _ := json.Marshal(frame)
					if err := client.PublishFrame(t.Context(), b, n, func(f Frame, err error) {
						if err != nil || f.First > maxNumber || f.last() > maxNumber {
							t.Errorf("%+v hears %v", f, err)
						}
					}); err != nil {
						t.Fatal(err)
					}
				}
				if err := client.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				for i, e := range g.order {
					if e != string(numbered(i+1)) {
						t.Errorf("place %d has %s", i, e)
					}
				}
				if len(g.order) != events || len(g.sessions) != 2 || len(g.sessions[1]) < 22 {
					t.Errorf("%d of %d events are stored, in %d sessions", len(g.order), events, len(g.sessions))
				}
				published, decided := client.Totals()
				if s := client.State(); published-decided != 0 || published != maxNumber-3+uint64(events) || s.Lost != 0 {
					t.Errorf("published %d, decided %d; the state is %+v", published, decided, s)
				}
			})
		})
	}
}

// A connection that ends when all numbers are used goes on with another session: the next number would be refused.
func TestReconnectAtTheLastNumber(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		client, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		client.queue.last, client.queue.acked = maxNumber, maxNumber
		r := run(client)
		defer r.end(t)
		synctest.Wait() // it has connected
		if err := client.Send(t.Context(), Event{Type: "t"}); err != nil || g.count() != 1 || g.dialled() != 1 {
			t.Errorf("%d are stored over %d connections: %v", g.count(), g.dialled(), err)
		}
		if g.stored[1] == "" {
			t.Errorf("its number is another than 1: %v", g.stored)
		}
	})
}
