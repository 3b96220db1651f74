package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A gateway that does not keep to the protocol is left, and a better one gets the events: none hangs or panics, and
// nothing counts as decided that is not.
func TestBrokenGateways(t *testing.T) {
	raw := func(text string) func(l *line) {
		return func(l *line) { _ = l.ws.Write(l.context(), websocket.MessageText, []byte(text)) }
	}
	for name, misbehave := range map[string]func(l *line){
		"ack of what was not sent":      func(l *line) { l.ack(3) },
		"ack of all that there is":      func(l *line) { l.ack(math.MaxUint64) },
		"refusal of what was not sent":  func(l *line) { l.say(map[string]any{"type": "error", "seq": 3, "code": "x"}) },
		"refusal of the largest number": func(l *line) { l.say(map[string]any{"type": "error", "seq": uint64(math.MaxUint64)}) },
		"refusal after the ack": func(l *line) {
			l.ack(1)
			l.say(map[string]any{"type": "error", "seq": 1, "code": "x"})
		},
		"garbage":         raw("\x00\xff{{{"),
		"numbers as text": raw(`{"type":"ack","seq":"2"}`),
		"negative":        raw(`{"type":"ack","seq":-1}`),
		"fraction":        raw(`{"type":"ack","seq":1.5}`),
		"array":           raw(`[]`),
		"long message":    raw(`{"type":"ping","x":"` + strings.Repeat("x", 1<<20) + `"}`),
		"endless message": func(l *line) {
			w, _ := l.ws.Writer(l.context(), websocket.MessageText)
			for range 1000 {
				if _, err := w.Write(make([]byte, 1024)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.frame = func(l *line, events []json.RawMessage) verdict {
					if l.connection > 1 {
						return take
					}
					misbehave(l)
					_, _, _ = l.ws.Read(l.context()) // until the client leaves
					return lose
				}
				client := start(t, c)
				defer client.end(t)
				outcomes := []error{}
				done := func(err error) { outcomes = append(outcomes, err) }
				_ = client.Publish(t.Context(), Event{Type: "t"}, done)
				_ = client.Publish(t.Context(), Event{Type: "t"}, done)
				if err := client.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := 2
				if name == "refusal after the ack" {
					want = 1 // the first was acknowledged
				}
				if g.count() != want || g.dialled() != 2 || len(outcomes) != 2 || errors.Join(outcomes...) != nil {
					t.Errorf("%d are stored, %d connections, outcomes %v", g.count(), g.dialled(), outcomes)
				}
			})
		})
	}
}

// What is unknown or says nothing is passed over.
func TestStrangeMessagesArePassedOver(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			for _, m := range []string{`{}`, `{"type":"pong"}`, `{"type":"ack"}`, `{"type":"ack","seq":0}`, `{"type":"processed","seq":9}`,
				`{"type":"hello","next":70}`, `null`, `{"type":"go"}`, `{"type":"slow"}`, `{"type":"go","more":{"a":[1]}}`} {
				_ = l.ws.Write(l.context(), websocket.MessageText, []byte(m))
			}
			return take
		}
		client := start(t, c)
		defer client.end(t)
		if err := client.Send(t.Context(), Event{Type: "t"}); err != nil || g.dialled() != 1 {
			t.Errorf("%d connections: %v", g.dialled(), err)
		}
	})
}

// Greetings that can't be gone by are not; what is missing or absurd in one is not taken for anything.
func TestGreetings(t *testing.T) {
	for name, is := range map[string]struct {
		hello map[string]any
		taken bool
	}{
		"no fields":       {map[string]any{"next": nil, "session": nil, "resumed": nil, "incarnation": nil, "durability": nil, "heartbeat_ms": nil}, true},
		"absurd":          {map[string]any{"max_batch": -1, "max_frame_bytes": -1, "heartbeat_ms": int64(math.MinInt64)}, true},
		"huge":            {map[string]any{"max_batch": math.MaxInt, "max_frame_bytes": math.MaxInt, "heartbeat_ms": int64(math.MaxInt64)}, true},
		"tiny":            {map[string]any{"heartbeat_ms": 1}, true},
		"no hello":        {map[string]any{"type": "ack", "seq": 1}, false},
		"another session": {map[string]any{"session": "another"}, false},
		"another number":  {map[string]any{"next": 77}, false},
	} {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.greet = func(connection int) map[string]any {
					if connection > 1 {
						return nil
					}
					return is.hello
				}
				client := start(t, c)
				defer client.end(t)
				if err := client.Send(t.Context(), Event{Type: "t"}, Event{Type: "t"}); err != nil {
					t.Fatal(err)
				}
				if (g.dialled() == 1) != is.taken || g.count() != 2 {
					t.Errorf("%d connections, %d are stored", g.dialled(), g.count())
				}
			})
		})
	}
}

// A server that takes connections and says nothing is not waited for long, nor one that upgrades and does not greet.
func TestSilenceBeforeTheGreeting(t *testing.T) {
	for name, upgrade := range map[string]bool{"no answer": false, "no greeting": true} {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.answer = func(connection int, w http.ResponseWriter, r *http.Request) bool {
					if connection > 1 {
						return false
					}
					if !upgrade {
						<-r.Context().Done()
						return true
					}
					ws, err := websocket.Accept(w, r, nil)
					if err != nil {
						t.Error(err)
						return true
					}
					defer ws.CloseNow()
					_, _, _ = ws.Read(context.Background())
					return true
				}
				client := start(t, c)
				defer client.end(t)
				began := time.Now()
				if err := client.Send(t.Context(), Event{Type: "t"}); err != nil || time.Since(began) > connectTimeout+time.Second {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		})
	}
}

// What is not a WebSocket at all.
func TestNotAGateway(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing": "", "garbage": "SSH-2.0-OpenSSH_9.2\r\n", "no upgrade": "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"endless head": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				c.HTTP = &http.Client{Transport: &http.Transport{
					DisableKeepAlives: true,
					DialContext: func(context.Context, string, string) (net.Conn, error) {
						ours, theirs := net.Pipe()
						go func() {
							defer theirs.Close()
							_, _ = theirs.Read(make([]byte, 4096)) // the request
							_, _ = io.WriteString(theirs, answer)
						}()
						return ours, nil
					},
				}}
				client, err := Open(c)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := client.Send(ctx, Event{Type: "t"}); err == nil {
					t.Error("it is acknowledged")
				}
				ended, stop := context.WithCancel(t.Context())
				stop()
				_ = client.Close(ended)
				if s := client.State(); s.Connections != 0 || s.Err == nil {
					t.Errorf("the state is %+v", s)
				}
			})
		})
	}
}
