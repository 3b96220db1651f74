package gateway

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/services/gateway/limit"
)

var paused = event.Refuse(event.CodePaused, "an operator paused intake.")

func TestGateIsShutToAll(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		anonymous, session := b.greeted(""), b.greeted(named(1))
		b.gateway.gate.set(byOperator, paused)
		session.expect("slow paused")
		anonymous.send(array(ev(1), invalid, ev(2)))
		anonymous.expect("error 1 paused", "error 2 invalid_event", "error 3 paused", "ack 3")
		session.send(ev(3)) // it was told, and sends all the same
		if a := b.post(asJSON, ev(4)); a.status != http.StatusServiceUnavailable || a.Code != "paused" || a.retryAfter != "1" {
			t.Errorf("POST is answered %+v", a)
		}
		late := b.greeted("?session=another-session-that-is-hard-to-guess&next=1")
		late.expect("slow paused")
		pass(5 * time.Second) // nobody reads here, so nobody would answer a second ping
		if n := len(b.store.events()); n != 0 {
			t.Errorf("%d events are stored", n)
		}
		b.gateway.gate.set(byOperator, nil)
		session.skipPings("go", "ack 1")
		late.skipPings("go")
		anonymous.send(ev(5))
		anonymous.skipPings("ack 4")
	})
}

// What asks for no room is answered while the gate is shut.
func TestGateLetsPingsAndRefusalsThrough(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted(named(1))
		b.gateway.gate.set(byOperator, paused)
		p.expect("slow paused")
		p.send(`{"type":"ping"}`)
		p.send(invalid)
		p.expect("pong", "error 1 invalid_event", "ack 1")
	})
}

// A frame that waited for room when the gate was shut is not taken when there is room.
func TestGateIsShutToThoseWhoWait(t *testing.T) {
	fullRoom(t, func(b *bubble) {
		p := b.greeted(named(1))
		p.send(ev(1))
		p.expect("slow overloaded")
		b.gateway.gate.set(byOperator, paused)
		p.expect("slow paused")
		b.store.release(0)
		synctest.Wait()
		if n := len(b.store.events()); n != 10 {
			t.Errorf("%d events are stored", n)
		}
		if events, _, _ := b.gateway.room.used(); events != 0 {
			t.Errorf("%d events are in the room", events)
		}
		b.gateway.gate.set(byOperator, nil)
		p.expect("go", "ack 1")
	})
}

// Nor is one of an anonymous client, or a request: those are refused then.
func TestGateIsShutToAnonymousWhoWait(t *testing.T) {
	fullRoom(t, func(b *bubble) {
		p := b.greeted("")
		p.send(ev(1))
		answers := make(chan answer, 1)
		go func() { answers <- b.post(asJSON, ev(2)) }()
		synctest.Wait()
		b.gateway.gate.set(byOperator, paused)
		b.store.release(0)
		p.expect("error 1 paused", "ack 1")
		if a := <-answers; a.status != http.StatusServiceUnavailable || a.Code != "paused" {
			t.Errorf("POST is answered %+v", a)
		}
		if events, _, _ := b.gateway.room.used(); events != 0 || len(b.store.events()) != 10 {
			t.Errorf("%d events are in the room, %d are stored", events, len(b.store.events()))
		}
	})
}

// Who is refused is not read for a moment, so a client that goes on as if nothing had been said is slowed.
func TestRefusedClientIsSlowed(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		b.gateway.gate.set(byOperator, paused)
		p := b.greeted("")
		began := time.Now()
		for n := range uint64(20) {
			p.send(ev(n))
			p.skipPings(fmt.Sprintf("error %d paused", n+1), fmt.Sprintf("ack %d", n+1))
		}
		if d := time.Since(began); d < 19*cooling {
			t.Errorf("20 frames were refused in %v", d)
		}
	})
}

// Of several reasons clients hear the first; that one ends while another lasts is told.
func TestGateHasReasons(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted(named(1))
		b.gateway.gate.set(byAdmission, event.Refuse(codeOverloaded, "behind"))
		p.expect("slow overloaded")
		b.gateway.gate.set(byOperator, paused)
		p.expect("slow paused")
		b.gateway.gate.set(byOperator, nil)
		p.expect("slow overloaded")
		b.gateway.gate.set(byAdmission, nil)
		p.expect("go")
	})
}

// The drain does not wait for the gate.
func TestDrainWhileTheGateIsShut(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted(named(1))
		b.gateway.gate.set(byOperator, paused)
		p.send(ev(1))
		p.expect("slow paused")
		began := time.Now()
		b.stop()
		p.expect("draining")
		p.closed()
		if d := time.Since(began); d > time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func limited(perSecond float64, dry bool) func(c *Config) {
	return func(c *Config) {
		c.MaxBatch = 10
		c.Rates = limit.Flags{EventsPerCredential: perSecond, DryRun: dry}
	}
}

func ten() string {
	events := make([]string, 10)
	for i := range events {
		events[i] = ev(i)
	}
	return array(events...)
}

func TestRateOfAnonymousIsRefused(t *testing.T) {
	inBubble(t, 1, limited(5, false), func(b *bubble) {
		p := b.greeted("")
		p.send(ten())
		p.expectAck(10)
		p.send(array(ev(1), ev(2)))
		m := p.next()
		if m.String() != "error 11 rate_limited" || !*m.Retryable || m.RetryAfterMS != 200 {
			t.Errorf("%v, retryable after %d ms", m, m.RetryAfterMS)
		}
		p.expect("error 12 rate_limited", "ack 12")
		if a := b.post(asJSON, ten()); a.status != http.StatusTooManyRequests || a.Code != "rate_limited" || a.retryAfter != "1" {
			t.Errorf("POST is answered %+v", a)
		}
		pass(400 * time.Millisecond)
		p.send(array(ev(3), ev(4)))
		p.expect("ack 14")
		if n := len(b.store.events()); n != 12 {
			t.Errorf("%d events are stored", n)
		}
		if byCode, _ := b.gateway.metrics.refusals(); byCode["rate_limited"] != 12 {
			t.Errorf("refused: %v", byCode)
		}
	})
}

func TestRateOfNamedSessionIsHeld(t *testing.T) {
	inBubble(t, 1, limited(5, false), func(b *bubble) {
		p := b.greeted(named(1))
		p.send(ten())
		p.expectAck(10)
		began := time.Now()
		for i := range uint64(3) { // the first of them goes into debt after 0.2 s, the others pay
			p.send(ten())
			p.expect("slow rate_limited", "go")
			p.expectAck(20 + 10*i)
		}
		if d := time.Since(began); d < 4200*time.Millisecond || d > 4300*time.Millisecond {
			t.Errorf("30 events at 5 a second took %v", d)
		}
		if byCode, total := b.gateway.metrics.refusals(); total != 0 {
			t.Errorf("refused: %v", byCode)
		}
	})
}

// Who waits for a limit that is lifted goes on at once.
func TestRateIsLiftedForThoseWhoWait(t *testing.T) {
	inBubble(t, 1, limited(0.01, false), func(b *bubble) {
		p := b.greeted(named(1))
		p.send(ten())
		p.expectAck(10)
		p.send(ten())
		p.expect("slow rate_limited")
		b.gateway.limit(map[control.Limit]float64{control.EventsPerCredential: 0})
		p.expect("go")
		p.expectAck(20)
	})
}

func TestDryRunOnlyCounts(t *testing.T) {
	inBubble(t, 1, limited(1, true), func(b *bubble) {
		p, session := b.greeted(""), b.greeted(named(1))
		for i := range uint64(3) {
			p.send(ten())
			p.expectAck(10 + 10*i)
			session.send(ten())
			session.expectAck(10 + 10*i)
		}
		if a := b.post(asJSON, ten()); a.status != http.StatusAccepted {
			t.Errorf("POST is answered %+v", a)
		}
		if n := b.gateway.metrics.hindered[hindered{"rate_limited", outcomeDryRun}]; n != 60 {
			t.Errorf("%d events would have been limited", n)
		}
	})
}

func TestPaceWhileTheStreamIsBehind(t *testing.T) {
	inBubble(t, 1, func(c *Config) { c.MaxBatch = 10 }, func(b *bubble) {
		b.gateway.yield(limit.Pressure{Memory: 89}, 30) // near the stop: a fifteenth of the least base
		p, session := b.greeted(""), b.greeted(named(1))
		began := time.Now()
		for i := range uint64(20) {
			p.send(ten())
			p.expectAck(10 + 10*i)
		}
		if d := time.Since(began).Seconds(); d < 1.3 || d > 1.5 {
			t.Errorf("200 events at 66.7 a second, and 100 at once, took %.2f s", d)
		}
		session.send(ten())
		session.expect("slow overloaded", "go", "ack 10")
		b.gateway.yield(limit.Pressure{Memory: 95}, 30)
		p.send(ev(0))
		session.expect("slow overloaded")
		p.expect("error 201 overloaded", "ack 201")
		b.gateway.yield(limit.Pressure{}, 0)
		session.expect("go")
		p.send(ten())
		p.expect("ack 211")
	})
}

func TestConnectionsAreLimited(t *testing.T) {
	inBubble(t, 1, func(c *Config) { c.Rates.Connections = 1 }, func(b *bubble) {
		p := b.greeted("")
		if status := b.get("/ws", handshake()); status != http.StatusServiceUnavailable {
			t.Errorf("the second one is answered %d", status)
		}
		b.turnedAway(event.CodeOverloaded)
		p.ws.CloseNow()
		synctest.Wait()
		b.greeted("").ws.CloseNow()
	})
}

// turnedAway checks that one was turned away for that reason, which is no event that was refused.
func (b *bubble) turnedAway(code string) {
	b.Helper()
	if byCode, events := b.gateway.metrics.refusals(); byCode[code] != 1 || events != 0 {
		b.Errorf("turned away are %v, and %d events refused", byCode, events)
	}
	if all := b.gateway.rejects.list(); len(all) != 1 || all[0].Reason != code || all[0].Count != 1 {
		b.Errorf("the rejects are %+v", all)
	}
}

func TestNewSessionsAreLimited(t *testing.T) {
	inBubble(t, 1, func(c *Config) { c.Rates.SessionsPerCredential = 1 }, func(b *bubble) {
		b.greeted(named(1))
		if status := b.get("/ws?session=another-session-that-is-hard-to-guess&next=1", handshake()); status != http.StatusTooManyRequests {
			t.Errorf("a second session within a second is answered %d", status)
		}
		b.turnedAway(event.CodeRateLimited)
		pass(time.Second)
		b.greeted("?session=another-session-that-is-hard-to-guess&next=1")
	})
}

// skipPings expects messages between which heartbeats may come.
func (p *peer) skipPings(want ...string) {
	p.Helper()
	for _, w := range want {
		m := p.next()
		for m.Type == "ping" {
			m = p.next()
		}
		if m.String() != w {
			p.Fatalf("it says %q, not %q", m, w)
		}
	}
}
