package client

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// states are those that a client may end in.
var states = map[string]func(g *gateway){
	"connected":     func(*gateway) {},
	"waiting":       func(g *gateway) { g.status = func(int) int { return 503 } },
	"not answered":  func(g *gateway) { g.frame = func(*line, []json.RawMessage) verdict { return keep } },
	"being greeted": func(g *gateway) { g.status = func(int) int { <-time.After(5 * time.Second); return 503 } },
	"slow": func(g *gateway) {
		g.greeted = func(l *line) { l.say(map[string]any{"type": "slow", "code": "paused"}) }
		g.frame = func(*line, []json.RawMessage) verdict { return keep }
	},
}

func TestRunEnds(t *testing.T) {
	for name, arrange := range states {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				arrange(g)
				client := start(t, c)
				var outcomes []error
				_ = client.PublishFrame(t.Context(), numbered(1), 1, func(_ Frame, err error) { outcomes = append(outcomes, err) })
				flushed := make(chan error, 1)
				go func() { flushed <- client.Flush(context.Background()) }()
				pass(time.Second)
				client.end(t)
				var want error
				if name != "connected" {
					want = ErrClosed
				}
				if err := <-flushed; !errors.Is(err, want) {
					t.Errorf("Flush returns %v", err)
				}
				if len(outcomes) != 1 || !errors.Is(outcomes[0], want) {
					t.Errorf("the event hears %v", outcomes)
				}
				if err := client.Publish(t.Context(), Event{Type: "t"}, nil); !errors.Is(err, ErrClosed) {
					t.Errorf("Publish returns %v", err)
				}
				if err := client.Run(t.Context()); err == nil {
					t.Error("it runs again")
				}
				pass(10 * time.Second) // what the gateway has begun
			})
		})
	}
}

// Close sends what is there, tells everyone, and has ended everything when it returns.
func TestClose(t *testing.T) {
	for name, arrange := range states {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				arrange(g)
				client, err := Open(c)
				if err != nil {
					t.Fatal(err)
				}
				var outcomes []error
				for range 3 {
					_ = client.Publish(t.Context(), Event{Type: "t"}, func(err error) { outcomes = append(outcomes, err) })
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				err = client.Close(ctx)
				var want error
				if name != "connected" {
					want = context.DeadlineExceeded
				} else if time.Since(began) > 0 || g.dialled() != 1 {
					t.Errorf("it took %v and %d connections", time.Since(began), g.dialled())
				}
				if !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Errorf("Close returns %v", err)
				}
				if again := client.Close(t.Context()); !errors.Is(again, want) {
					t.Errorf("closing again returns %v", again)
				}
				for _, err := range outcomes {
					if (want == nil) != (err == nil) || err != nil && !errors.Is(err, ErrClosed) {
						t.Errorf("an event hears %v", err)
					}
				}
				if len(outcomes) != 3 || want == nil && g.count() != 3 {
					t.Errorf("%d callbacks, %d are stored", len(outcomes), g.count())
				}
				if err := client.Send(t.Context(), Event{Type: "t"}); !errors.Is(err, ErrClosed) {
					t.Errorf("Send returns %v", err)
				}
				pass(10 * time.Second) // what the gateway has begun
			})
		})
	}
}

func TestCloseWithoutRun(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		client, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		outcome := errors.New("none")
		_ = client.Publish(t.Context(), Event{Type: "t"}, func(err error) { outcome = err })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := client.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(outcome, ErrClosed) {
			t.Errorf("Close returns %v, the event hears %v", err, outcome)
		}
		if err := client.Run(t.Context()); err != nil || g.dialled() != 0 {
			t.Errorf("Run after Close: %v", err)
		}
	})
}

// Who waits for room hears that the client is closed, and does not go on to publish.
func TestCloseEndsThoseWhoWait(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		c.Window = 1
		g.frame = func(*line, []json.RawMessage) verdict { <-time.After(time.Minute); return take }
		client, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		_ = client.Publish(t.Context(), Event{Type: "t"}, nil)
		waiting := make(chan error, 1)
		go func() { waiting <- client.Publish(t.Context(), Event{Type: "t"}, nil) }()
		synctest.Wait()
		if err := client.Close(t.Context()); err != nil || g.count() != 1 {
			t.Errorf("Close returns %v, %d are stored", err, g.count())
		}
		if err := <-waiting; !errors.Is(err, ErrClosed) {
			t.Errorf("Publish returns %v", err)
		}
	})
}

// A callback may publish where the window has room.
func TestPublishFromCallback(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		client := start(t, c)
		defer client.end(t)
		more := make(chan error, 1)
		_ = client.Publish(t.Context(), Event{Type: "t"}, func(error) {
			more <- client.Publish(t.Context(), Event{Type: "t"}, nil)
		})
		if err := <-more; err != nil {
			t.Fatal(err)
		}
		if err := client.Flush(t.Context()); err != nil || g.count() != 2 {
			t.Errorf("%d are stored: %v", g.count(), err)
		}
	})
}
