package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"millrace.dev/pkg/stream/streamtest"
	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// Connections to Redis break at random: requests that never arrive whole, replies that are lost after the command ran.
// The gateways go on, and each event is stored once, in order. MILLRACE_SEEDS=3000 breaks 200.
func TestRedisConnectionsCutUnderLoad(t *testing.T) {
	random := newRand(t)
	s, gateways, cuts := behindCuts(t)
	load := s.Load(6, 2*time.Millisecond, gateways[0].WebSocket(), gateways[1].WebSocket())
	sessions := s.SessionLoad(6, 2*time.Millisecond, random.Uint64(), gateways[0].WebSocket(), gateways[1].WebSocket())
	lost := 0
	for range rounds(t, 12, 200) {
		load.AwaitAcked(random.IntN(50))
		i := random.IntN(len(cuts))
		rule := mishap(random)
		fired := cuts[i].Set(rule)
		for _, c := range sessions.Sessions { // the marks that a handshake reads are lost as well
			if random.IntN(4) == 0 {
				c.LeaveFrom(gateways[1-i].WebSocket())
			}
		}
		await(t, fmt.Sprintf("%+v", rule), fired)
		if rule.Swallow > 0 {
			lost++
		}
	}
	ids := append(load.Finish(), sessions.Finish()...)
	s.Stored().OfSessions(ids)
	reconnected(t, sessions)
	if accepted := s.Counters()["accepted"]; accepted != uint64(len(ids)) {
		t.Errorf("the ledger has %d events accepted of %d", accepted, len(ids))
	}
	t.Logf("%d events; %d replies were lost", len(ids), lost)
}

// mishap cuts one connection, at some request or byte.
func mishap(random *rand.Rand) streamtest.Rule {
	switch random.IntN(6) {
	case 0:
		return streamtest.Rule{AfterSent: 1 + random.IntN(5000)}
	case 1:
		return streamtest.Rule{AfterReceived: 1 + random.IntN(500)}
	default:
		return streamtest.Rule{Swallow: 1 + random.IntN(8), Command: "EVALSHA"}
	}
}

// A client gives up a connection that is slow and goes to another gateway with the same session, while what it sent
// before is still on its way, or is just being appended; handshakes are overtaken in the same way. Each event is stored
// once, in order. MILLRACE_SEEDS=3000 makes it 100 times.
func TestSlowConnectionsOvertakenUnderLoad(t *testing.T) {
	random := newRand(t)
	s, gateways, cuts := behindCuts(t)
	lags := []*stack.Lag{s.Lag(gateways[0]), s.Lag(gateways[1])}
	load := s.SessionLoad(8, 2*time.Millisecond, random.Uint64(), lags[0].WebSocket(), lags[1].WebSocket())
	for range rounds(t, 8, 100) {
		load.AwaitAcked(50 + random.IntN(200))
		slow := visited(t, random, load, lags)
		if random.IntN(2) == 0 {
			cuts[slow].Set(streamtest.Rule{Delay: time.Duration(1+random.IntN(30)) * time.Millisecond})
		}
		lags[slow].Hold()
		for _, c := range load.Sessions { // some are in their handshake when they give up
			if random.IntN(3) == 0 {
				c.LeaveFrom(lags[1-slow].WebSocket())
			}
		}
		lags[slow].AwaitHeld(1 + random.IntN(3000))
		for _, c := range load.Sessions {
			c.LeaveFrom(lags[slow].WebSocket())
		}
		load.AwaitAcked(random.IntN(300)) // the other gateway stores some of it first, or all
		lags[slow].Pass(random.IntN(3000))
		load.AwaitAcked(random.IntN(100))
		lags[slow].Release()
		load.AwaitAcked(random.IntN(100))
		cuts[slow].Set(streamtest.Rule{})
	}
	ids := load.Finish()
	s.Stored().OfSessions(ids)
	reconnected(t, load)
	c := s.Counters()
	if c["accepted"] != uint64(len(ids)) || c["duplicates"] == 0 {
		t.Errorf("%d events were sent, and the ledger has %v", len(ids), c)
	}
	t.Logf("%d events; %d came again", len(ids), c["duplicates"])
}

// visited is a lag, through which somebody is connected.
func visited(t *testing.T, random *rand.Rand, load *stack.Load, lags []*stack.Lag) int {
	t.Helper()
	return stack.Await(t, "somebody is connected", func() (int, bool) {
		first := random.IntN(len(lags))
		for _, i := range []int{first, 1 - first} {
			for _, c := range load.Sessions {
				if c.IsAt(lags[i].WebSocket()) {
					return i, true
				}
			}
		}
		return 0, false
	})
}

// Redis crashes, or is restarted, and has all that it acknowledged: so have the sessions. MILLRACE_SEEDS=3000 makes it
// 30 times.
func TestRedisRestartedUnderLoad(t *testing.T) {
	random := newRand(t)
	s := stack.New(t, stack.Durable())
	gateways := []*stack.Service{s.Gateway("--redis-timeout=1s"), s.Gateway("--redis-timeout=1s")}
	for _, g := range gateways {
		g.AwaitReady()
	}
	load := s.Load(4, 2*time.Millisecond, gateways[0].WebSocket(), gateways[1].WebSocket())
	sessions := s.SessionLoad(6, 2*time.Millisecond, random.Uint64(), gateways[0].WebSocket(), gateways[1].WebSocket())
	for range rounds(t, 3, 30) {
		load.AwaitAcked(random.IntN(200))
		sessions.AwaitAcked(random.IntN(200))
		if random.IntN(2) == 0 {
			s.Redis.Kill()
		} else {
			s.Redis.Stop()
		}
		for _, c := range sessions.Sessions { // some come back to a gateway without a Redis
			if random.IntN(2) == 0 {
				c.LeaveFrom(gateways[random.IntN(2)].WebSocket())
			}
		}
		s.Redis.Start()
	}
	ids := append(load.Finish(), sessions.Finish()...)
	s.Stored().OfSessions(ids)
	reconnected(t, sessions)
	if accepted := s.Counters()["accepted"]; accepted != uint64(len(ids)) {
		t.Errorf("the ledger has %d events accepted of %d", accepted, len(ids))
	}
	t.Logf("%d events", len(ids))
}

// behindCuts are two gateways, each with a bad network of its own between it and Redis.
func behindCuts(t *testing.T) (*stack.Stack, []*stack.Service, []*streamtest.Cut) {
	t.Helper()
	s := stack.New(t, stack.Durable())
	var gateways []*stack.Service
	var cuts []*streamtest.Cut
	for range 2 {
		cut := streamtest.NewCut(t, s.Redis)
		cuts = append(cuts, cut)
		gateways = append(gateways, s.Gateway("--redis-url="+cut.URL, "--redis-timeout=2s"))
	}
	for _, g := range gateways {
		g.AwaitReady()
	}
	return s, gateways, cuts
}

// await waits for a signal.
func await(t *testing.T, what string, signal <-chan struct{}) {
	t.Helper()
	late := time.NewTimer(proc.Patience)
	defer late.Stop()
	select {
	case <-signal:
	case <-late.C:
		t.Fatalf("not within %v: %s", proc.Patience, what)
	}
}
