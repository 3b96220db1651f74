package client

import (
	"encoding/json"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

func TestSlowAndGo(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		var told atomic.Bool
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			if told.CompareAndSwap(false, true) {
				l.say(map[string]any{"type": "slow", "code": "unavailable"})
				go func() {
					for range 600 { // five hours, in which the gateway's heart is heard
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
		_ = client.PublishFrame(t.Context(), numbered(1), 1, nil)
		synctest.Wait()
		for n := range 10 {
			_ = client.PublishFrame(t.Context(), numbered(n+2), 1, nil)
		}
		pass(4 * time.Hour)
		if g.count() != 1 || client.State().Slow != "unavailable" {
			t.Errorf("%d events were sent to a gateway that wants none; the state is %+v", g.count()-1, client.State())
		}
		if err := client.Flush(t.Context()); err != nil || g.count() != 11 || client.State().Slow != "" {
			t.Errorf("after go, %d events are stored, %v", g.count(), err)
		}
		if g.dialled() != 1 {
			t.Errorf("it took %d connections", g.dialled())
		}
	})
}

// A gateway that drains acknowledges what it has taken and gets nothing more; the client leaves when that is done, and
// comes again when it was told to.
func TestDrain(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		c.RetryLeast, c.RetryMost = time.Millisecond, time.Millisecond // so what is waited is the gateway's wish
		var frames atomic.Int32
		var came time.Time
		var l1 *line
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			if l.connection > 1 {
				if came.IsZero() {
					came = time.Now()
				}
				return take
			}
			l1 = l
			frames.Add(1)
			l.say(map[string]any{"type": "draining", "reconnect_after_ms": 4000})
			l.say(map[string]any{"type": "go"}) // which is not about draining
			return keep
		}
		client := start(t, c)
		defer client.end(t)
		_ = client.PublishFrame(t.Context(), numbered(1), 1, nil)
		pass(time.Second)
		for n := range 10 {
			_ = client.PublishFrame(t.Context(), numbered(n+2), 1, nil)
		}
		pass(30 * time.Second)
		if n := frames.Load(); n != 1 || g.dialled() != 1 || !client.State().Draining {
			t.Errorf("%d frames went to a gateway that drains; %d connections", n-1, g.dialled())
		}
		l1.ack(1)
		acked := time.Now()
		if err := client.Flush(t.Context()); err != nil || g.count() != 11 || g.duplicates != 0 || g.dialled() != 2 {
			t.Errorf("%d are stored, %d twice, %v", g.count(), g.duplicates, err)
		}
		if d := came.Sub(acked); d < 4*time.Second || d > 6*time.Second {
			t.Errorf("it came again after %v", d)
		}
	})
}

// Whatever the gateway does when it goes away, the client comes again: soon, but not at once for ever.
func TestDrainEnds(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			if l.connection == 1 { // it is heard, acknowledges nothing, and stays
				l.say(map[string]any{"type": "draining", "reconnect_after_ms": -1})
				for range 100 {
					<-time.After(10 * time.Second)
					l.say(map[string]any{"type": "ping"})
				}
				return lose
			}
			return take
		}
		client := start(t, c)
		defer client.end(t)
		_ = client.Publish(t.Context(), Event{Type: "t"}, nil)
		began := time.Now()
		if err := client.Flush(t.Context()); err != nil || time.Since(began) > silence+time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		pass(time.Hour) // what the gateway has begun
	})
}

func TestGatewaysThatDrainAtOnceAreBackedOffFrom(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		c.RetryLeast, c.RetryMost = 10*time.Second, 10*time.Second
		g.greeted = func(l *line) {
			l.say(map[string]any{"type": "draining", "reconnect_after_ms": 0})
			_ = l.ws.Close(websocket.StatusServiceRestart, "")
		}
		client := start(t, c)
		defer client.end(t)
		pass(10 * time.Minute)
		if n := g.dialled(); n > 200 {
			t.Errorf("%d connections in ten minutes", n)
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
