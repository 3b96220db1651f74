package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

func TestPublishAndFlush(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		var acked []Frame
		c.Acked = func(f Frame) { acked = append(acked, f) }
		client := start(t, c)
		defer client.end(t)
		for n := range 10 {
			if err := client.Publish(t.Context(), event(n), 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.Publish(t.Context(), []byte(`[{"type":"t"},{"type":"t"}]`), 2); err != nil {
			t.Fatal(err)
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if published, decided := client.Totals(); published != 12 || decided != 12 || g.count() != 12 {
			t.Errorf("published %d, acknowledged %d, stored %d", published, decided, g.count())
		}
		synctest.Wait()
		for i, f := range acked {
			if f.First != uint64(i)+1 || f.Queued.IsZero() {
				t.Errorf("frame %d is acknowledged as %+v", i, f)
			}
		}
		if len(acked) != 11 {
			t.Errorf("%d frames are acknowledged", len(acked))
		}
		if s := client.State(); !s.Connected || s.Connections != 1 || s.Durability != "memory" || s.Lost != 0 {
			t.Errorf("the state is %+v", s)
		}
	})
}

// Whatever is lost on the way, every event arrives, once, under its own number.
func TestResendsUntilAcknowledged(t *testing.T) {
	for seed := range uint64(30) {
		withGateway(t, func(t *testing.T, g *gateway, c Config) {
			r, fate := rand.New(rand.NewPCG(seed, 7)), rand.New(rand.NewPCG(seed, 8))
			var mu sync.Mutex // a connection that is lost may still be read while the next one is
			g.frame = func(l *line, events []json.RawMessage) verdict {
				mu.Lock()
				defer mu.Unlock()
				switch fate.IntN(20) {
				case 0:
					return lose
				case 1:
					return forget
				case 2, 3, 4:
					if len(events) > 1 { // only the beginning of it is stored when the connection ends
						g.store(l, events[:fate.IntN(len(events))])
						l.ack(l.last)
						return lose
					}
				case 5:
					return keep
				}
				return take
			}
			client := start(t, c)
			defer client.end(t)
			events := 0
			for range 100 {
				var frame []json.RawMessage
				for range 1 + r.IntN(5) {
					events++
					frame = append(frame, event(events))
				}
				b, _ := json.Marshal(frame)
				if err := client.Publish(t.Context(), b, len(frame)); err != nil {
					t.Fatal(err)
				}
			}
			for { // a frame of which nothing is said is sent again only when the connection ends
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				err := client.Flush(ctx)
				cancel()
				if err == nil {
					break
				}
			}
			if g.count() != events {
				t.Errorf("seed %d: %d events were sent, %d are stored", seed, events, g.count())
			}
			for n := 1; n <= events; n++ {
				if g.stored[uint64(n)] != string(event(n)) {
					t.Errorf("seed %d: number %d is %s", seed, n, g.stored[uint64(n)])
				}
			}
		})
	}
}

func TestSlowAndGo(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		var told atomic.Bool
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			if told.CompareAndSwap(false, true) {
				l.say(map[string]any{"type": "slow", "code": "unavailable"})
				go func() {
					for range 20 { // ten minutes, in which the gateway's heart is heard
						<-time.After(30 * time.Second)
						l.say(map[string]any{"type": "ping"})
					}
					l.say(map[string]any{"type": "go"})
				}()
			}
			return take
		}
		client := start(t, c)
		defer client.end(t)
		_ = client.Publish(t.Context(), event(1), 1)
		synctest.Wait()
		for n := range 10 {
			_ = client.Publish(t.Context(), event(n+2), 1)
		}
		pass(9 * time.Minute)
		if g.count() != 1 {
			t.Errorf("%d events were sent to a gateway that wants none", g.count()-1)
		}
		if err := client.Flush(t.Context()); err != nil || g.count() != 11 {
			t.Errorf("after go, %d events are stored, %v", g.count(), err)
		}
		if g.dialled() != 1 {
			t.Errorf("it took %d connections", g.dialled())
		}
	})
}

func TestCloseCodes(t *testing.T) {
	final := []websocket.StatusCode{1002, 1003, 1007, 1008, 1009, 4500, 4999}
	others := []websocket.StatusCode{1000, 1001, 1010, 1011, 1012, 1013, 3000, 4000, 4499, 0}
	for _, code := range slices.Concat(final, others) {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.frame = func(l *line, _ []json.RawMessage) verdict {
					if l.connection > 1 {
						return take
					}
					if code != 0 { // 0: the connection ends without one
						_ = l.ws.Close(code, "because")
					}
					return lose
				}
				client := start(t, c)
				_ = client.Publish(t.Context(), event(1), 1)
				err := client.Flush(t.Context())
				if !slices.Contains(final, code) {
					if err != nil || g.dialled() != 2 {
						t.Errorf("after %d connections: %v", g.dialled(), err)
					}
					client.end(t)
					return
				}
				if run := <-client.ended; !errors.Is(run, ErrRefused) || !errors.Is(err, ErrRefused) {
					t.Errorf("Run returns %v, Flush %v", run, err)
				}
				if err := client.Publish(t.Context(), event(2), 1); !errors.Is(err, ErrRefused) {
					t.Errorf("Publish after it returns %v", err)
				}
				pass(time.Hour)
				if g.dialled() != 1 {
					t.Errorf("%d connections", g.dialled())
				}
			})
		})
	}
}

// The close code counts even if a write that is under way fails first.
func TestCloseCodeIsHeardWhileWriting(t *testing.T) {
	for range 20 {
		withGateway(t, func(t *testing.T, g *gateway, c Config) {
			g.frame = func(l *line, _ []json.RawMessage) verdict {
				_ = l.ws.Close(websocket.StatusInvalidFramePayloadData, "")
				return lose
			}
			client := start(t, c)
			for n := range 100 {
				_ = client.Publish(t.Context(), event(n), 1)
			}
			if err := <-client.ended; !errors.Is(err, ErrRefused) || g.dialled() != 1 {
				t.Errorf("after %d connections: %v", g.dialled(), err)
			}
		})
	}
}

func TestHandshakeStatus(t *testing.T) {
	for status, final := range map[int]bool{400: true, 401: true, 403: true, 404: true, 408: false, 429: false, 500: false, 503: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.status = func(connection int) int {
					if connection < 3 {
						return status
					}
					return 0
				}
				client := start(t, c)
				_ = client.Publish(t.Context(), event(1), 1)
				err := client.Flush(t.Context())
				if final {
					if run := <-client.ended; !errors.Is(run, ErrRefused) || !errors.Is(err, ErrRefused) || g.dialled() != 1 {
						t.Errorf("after %d handshakes Run returns %v, Flush %v", g.dialled(), run, err)
					}
					return
				}
				if err != nil || g.dialled() != 3 {
					t.Errorf("after %d handshakes Flush returns %v", g.dialled(), err)
				}
				client.end(t)
			})
		})
	}
}

func TestRetryBounds(t *testing.T) {
	r := retry{least: time.Second, most: 30 * time.Second}
	bound := float64(time.Second)
	for range 50 {
		d := r.next()
		if d < 0 || float64(d) > min(bound, float64(30*time.Second)) {
			t.Fatalf("try %d waits %v of %v", r.tries, d, time.Duration(bound))
		}
		bound *= 1.5
	}
	var longest time.Duration
	for range 200 {
		longest = max(longest, r.next())
	}
	if longest < 15*time.Second {
		t.Errorf("of 200 late waits the longest is %v", longest)
	}
}

func TestWindow(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		c.Window = 10
		g.frame = func(*line, []json.RawMessage) verdict { return keep }
		client := start(t, c)
		defer client.end(t)
		for n := range 10 {
			if err := client.Publish(t.Context(), event(n), 1); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := client.Publish(ctx, event(10), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an eleventh event of a window of ten: %v", err)
		}
		if err := client.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush returns %v, and nothing is acknowledged", err)
		}
		if published, acked := client.Totals(); published != 10 || acked != 0 {
			t.Errorf("published %d, acknowledged %d", published, acked)
		}
	})
}

// A frame that is larger than the window goes alone.
func TestFrameLargerThanWindow(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		c.Window = 1
		client := start(t, c)
		defer client.end(t)
		for range 3 {
			if err := client.Publish(t.Context(), []byte(`[{"type":"t"},{"type":"t"}]`), 2); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.Flush(t.Context()); err != nil || g.count() != 6 {
			t.Errorf("%d are stored, %v", g.count(), err)
		}
		if err := client.Publish(t.Context(), []byte(`[]`), 0); err == nil {
			t.Error("a frame without events is taken, and would never be acknowledged")
		}
	})
}

func TestRefusalsAreReportedOnce(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, events []json.RawMessage) verdict {
			for i := range events {
				if i%2 == 1 {
					l.say(map[string]any{"type": "error", "seq": l.last + uint64(i) + 1, "code": "invalid_event", "message": "m", "help": "h"})
				}
			}
			if l.connection < 3 { // refused and not acknowledged: it is sent again, and refused again
				return lose
			}
			return take
		}
		var refused []Refusal
		c.Refused = func(r Refusal) { refused = append(refused, r) }
		client := start(t, c)
		defer client.end(t)
		_ = client.Publish(t.Context(), []byte(`[{"type":"t"},{},{"type":"t"},{}]`), 4)
		_ = client.Publish(t.Context(), []byte(`[{"type":"t"},{}]`), 2)
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		var numbers []uint64
		for _, r := range refused {
			numbers = append(numbers, r.Number)
			if r.Code != "invalid_event" || r.Message != "m" || r.Help != "h" {
				t.Errorf("the refusal is %+v", r)
			}
		}
		if !slices.Equal(numbers, []uint64{2, 4, 6}) {
			t.Errorf("refused are %v", numbers)
		}
	})
}

func TestFrameRefusedWholeEndsTheSession(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			l.say(map[string]any{"type": "error", "code": "invalid_json", "message": "no"})
			_ = l.ws.Close(websocket.StatusInvalidFramePayloadData, "invalid_json")
			return lose
		}
		client := start(t, c)
		_ = client.Publish(t.Context(), []byte(`{`), 1)
		if err := <-client.ended; !errors.Is(err, ErrRefused) {
			t.Errorf("Run returns %v", err)
		}
	})
}

// A gateway that drains acknowledges what it has taken and gets nothing more; the rest goes to the next one.
func TestDrain(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		var after atomic.Int32
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			if l.connection > 1 {
				return take
			}
			if after.Add(1) == 1 {
				l.say(map[string]any{"type": "draining", "reconnect_after_ms": 1000})
				go func() {
					<-time.After(time.Minute)
					_ = l.ws.Close(websocket.StatusServiceRestart, "")
				}()
			}
			return take
		}
		client := start(t, c)
		defer client.end(t)
		_ = client.Publish(t.Context(), event(1), 1)
		synctest.Wait()
		for n := range 10 {
			_ = client.Publish(t.Context(), event(n+2), 1)
		}
		pass(30 * time.Second)
		if n := after.Load(); n != 1 {
			t.Errorf("%d frames went to a gateway that drains", n-1)
		}
		if err := client.Flush(t.Context()); err != nil || g.count() != 11 || g.duplicates != 0 {
			t.Errorf("%d are stored, %d twice, %v", g.count(), g.duplicates, err)
		}
	})
}

// A gateway that says nothing for three heartbeats is gone.
func TestSilentGatewayIsLeft(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.greet = func(connection int) map[string]any {
			return map[string]any{"heartbeat_ms": 1000 * connection}
		}
		client := start(t, c)
		defer client.end(t)
		pass(2 * time.Second)
		if g.dialled() != 1 {
			t.Errorf("%d connections after two heartbeats", g.dialled())
		}
		pass(3 * time.Second)
		if g.dialled() != 2 {
			t.Errorf("%d connections after five", g.dialled())
		}
	})
}

// What the gateway or Redis has forgotten is counted: resends may be stored twice.
func TestForgottenSessionIsSeen(t *testing.T) {
	cases := map[string]struct {
		again map[string]any // what the second hello says
		lost  int
	}{
		"remembered":       {map[string]any{"resumed": true, "incarnation": "one"}, 0},
		"forgotten":        {map[string]any{"resumed": false, "incarnation": "one"}, 1},
		"another life":     {map[string]any{"resumed": true, "incarnation": "two"}, 1},
		"all of it at one": {map[string]any{"resumed": false, "incarnation": "two"}, 1},
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
				client := start(t, c)
				defer client.end(t)
				_ = client.Publish(t.Context(), event(1), 1)
				_ = client.Publish(t.Context(), event(2), 1)
				if err := client.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if s := client.State(); s.Lost != want.lost || s.Connections != 2 {
					t.Errorf("the state is %+v", s)
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
			_ = client.Publish(t.Context(), []byte(`{}`), 1)
			if err := client.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if s := client.State(); s.Lost != 0 || s.Connections != 2 {
			t.Errorf("the state is %+v", s)
		}
	})
}

func TestRunEnds(t *testing.T) {
	states := map[string]func(g *gateway){
		"connected":     func(*gateway) {},
		"waiting":       func(g *gateway) { g.status = func(int) int { return 503 } },
		"not answered":  func(g *gateway) { g.frame = func(*line, []json.RawMessage) verdict { return keep } },
		"being greeted": func(g *gateway) { g.status = func(int) int { <-time.After(5 * time.Second); return 503 } },
	}
	for name, arrange := range states {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				arrange(g)
				client := start(t, c)
				_ = client.Publish(t.Context(), event(1), 1)
				flushed := make(chan error, 1)
				if name != "connected" {
					go func() { flushed <- client.Flush(context.Background()) }()
				}
				pass(time.Second)
				client.end(t)
				if name != "connected" {
					if err := <-flushed; !errors.Is(err, ErrClosed) {
						t.Errorf("Flush returns %v", err)
					}
				}
				if err := client.Publish(t.Context(), event(2), 1); !errors.Is(err, ErrClosed) {
					t.Errorf("Publish returns %v", err)
				}
				pass(10 * time.Second) // what the gateway has begun
			})
		})
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{URL: "ftp://x"}, {URL: ""}, {URL: "ws://%"}, {URL: "ws://x", Window: -1},
		{URL: "ws://x", RetryLeast: time.Minute}, {URL: "ws://x", RetryLeast: -1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	c, err := New(Config{URL: "ws://x/ws?access=1", RetryMost: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.config.dialURL("s", 7); got != "ws://x/ws?access=1&next=7&session=s" {
		t.Errorf("the address is %s", got)
	}
}
