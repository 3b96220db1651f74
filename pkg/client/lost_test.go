package client

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// What the gateway or Redis has forgotten is counted and told: resends may be stored twice.
func TestLostSessionIsTold(t *testing.T) {
	cases := map[string]struct {
		again   map[string]any // what the second hello says
		lost    int
		renewed bool
	}{
		"remembered":        {map[string]any{"resumed": true, "incarnation": "one"}, 0, false},
		"forgotten":         {map[string]any{"resumed": false, "incarnation": "one"}, 1, false},
		"another life":      {map[string]any{"resumed": true, "incarnation": "two"}, 1, true},
		"all of it at once": {map[string]any{"resumed": false, "incarnation": "two"}, 1, true},
		"not told":          {map[string]any{"resumed": true, "incarnation": ""}, 0, false},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.greet = func(connection int) map[string]any {
					if connection == 1 {
						return nil
					}
					return want.again
				}
				g.frame = func(l *line, _ []json.RawMessage) verdict {
					if l.connection == 1 && l.last == 1 {
						return lose
					}
					return take
				}
				var losses []Loss
				c.Lost = func(l Loss) { losses = append(losses, l) }
				client := start(t, c)
				defer client.end(t)
				_ = client.PublishFrame(t.Context(), numbered(1), 1, nil)
				_ = client.PublishFrame(t.Context(), numbered(2), 1, nil)
				if err := client.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if s := client.State(); s.Lost != want.lost || s.Connections != 2 || len(losses) != want.lost {
					t.Fatalf("the state is %+v, told was %v", s, losses)
				}
				if want.lost == 0 {
					return
				}
				l, session := losses[0], g.sessions[0]
				if l.From != 2 || l.To != 2 || l.Renewed != want.renewed || !strings.HasPrefix(session, l.Session) || len(l.Session) > 8 {
					t.Errorf("the loss is %+v", l)
				}
				if !strings.Contains(l.String(), "events 2 to 2 may be stored twice") || strings.Contains(l.String(), session) {
					t.Errorf("it reads: %v", l)
				}
			})
		})
	}
}

// A session of which everything was refused leaves no trace: it has not been forgotten.
func TestRefusedSessionIsNotForgotten(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			l.last++
			l.say(map[string]any{"type": "error", "seq": l.last, "code": "invalid_event"})
			l.ack(l.last)
			if l.connection == 1 {
				return lose
			}
			return handled
		}
		client := start(t, c)
		defer client.end(t)
		for range 2 {
			_ = client.PublishFrame(t.Context(), []byte(`{}`), 1, nil)
			if err := client.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if s := client.State(); s.Lost != 0 || s.Connections != 2 {
			t.Errorf("the state is %+v", s)
		}
	})
}

// A stream that was made anew before anything was sent is nobody's loss.
func TestNothingSentNothingLost(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.greet = func(connection int) map[string]any {
			return map[string]any{"incarnation": []string{"", "one", "two"}[connection]}
		}
		g.greeted = func(l *line) {
			if l.connection == 1 {
				l.ws.CloseNow()
			}
		}
		client := start(t, c)
		defer client.end(t)
		pass(time.Minute)
		if err := client.Send(t.Context(), Event{Type: "t"}); err != nil {
			t.Fatal(err)
		}
		if s := client.State(); s.Lost != 0 || s.Connections != 2 {
			t.Errorf("the state is %+v", s)
		}
	})
}
