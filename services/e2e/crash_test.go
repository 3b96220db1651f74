package e2e

import (
	"math/rand/v2"
	"testing"
	"time"

	"millrace.dev/services/e2e/stack"
)

// Gateways die at random moments while sessions send: each event is stored once, and in order. MILLRACE_SEEDS=3000 lets
// 50 die.
func TestGatewaysKilledUnderLoad(t *testing.T) {
	random := newRand(t)
	s := stack.New(t, stack.Durable())
	gateways := []*stack.Service{s.Gateway(), s.Gateway()}
	s.Worker()
	for _, g := range gateways {
		g.AwaitReady()
	}
	witness := s.Witness()
	front := s.Front(gateways...)
	load := s.Load(8, 2*time.Millisecond, front.WebSocket())
	sessions := s.SessionLoad(6, 2*time.Millisecond, random.Uint64(), front.WebSocket())
	for range rounds(t, 5, 50) {
		load.AwaitAcked(100 + random.IntN(300))
		sessions.AwaitAcked(random.IntN(100))
		victim := carrier(t, random, front, gateways)
		victim.Kill()
		load.AwaitAcked(random.IntN(100)) // the other one goes on alone
		victim.Again()
		victim.AwaitReady()
	}
	ids := append(load.Finish(), sessions.Finish()...)
	s.Stored().OfSessions(ids)
	s.AwaitProcessed(len(ids))
	witness.Exactly(ids)
	reconnected(t, load)
	reconnected(t, sessions)
	t.Logf("%d events", len(ids))
}

// reconnected checks that producers have met with what the test did, and that they were never told that the stream had
// forgotten them. (Sessions complain by themselves.)
func reconnected(t *testing.T, load *stack.Load) {
	t.Helper()
	again := 0
	for _, c := range load.Senders {
		again += c.State().Connections - 1
		if c.State().Lost > 0 {
			t.Errorf("%s was told that the stream had forgotten it", c.Name)
		}
	}
	for _, c := range load.Sessions {
		again += c.Connections() - 1
	}
	if again < 1 {
		t.Error("nobody had to connect again")
	}
	t.Logf("%d times somebody had to connect again", again)
}

// carrier is a gateway that somebody is connected to: the crash of another would show nothing.
func carrier(t *testing.T, random *rand.Rand, front *stack.Front, gateways []*stack.Service) *stack.Service {
	t.Helper()
	return stack.Await(t, "somebody is connected", func() (*stack.Service, bool) {
		for _, i := range random.Perm(len(gateways)) {
			if front.Carries(gateways[i]) > 0 {
				return gateways[i], true
			}
		}
		return nil, false
	})
}

const lease = time.Second

// Workers die while they work: others take over within twice the lease, and nothing is counted twice.
func TestWorkersKilledUnderLoad(t *testing.T) {
	random := newRand(t)
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	workers := []*stack.Service{s.Worker("--lease=" + lease.String()), s.Worker("--lease=" + lease.String())}
	gateway.AwaitReady()
	load := s.Load(8, 2*time.Millisecond, gateway.WebSocket())
	for range 4 {
		load.AwaitAcked(100 + random.IntN(500))
		victim := workers[random.IntN(len(workers))]
		victim.Kill()
		victim.Again()
	}
	victim := workers[0].Instance()
	stack.Await(t, "the worker settles", func() (int64, bool) { n := s.Holds(victim); return n, n > 0 })
	began := time.Now()
	workers[0].Pause() // Redis goes on giving it what its readers asked for
	stack.Await(t, "the worker has entries in its hands", func() (int64, bool) { n := s.Holds(victim); return n, n > 0 })
	workers[0].Kill()
	ids := load.Finish()
	s.AwaitProcessed(len(ids))
	// Half a lease more: a busy machine, and how often is looked.
	if took := time.Since(began); took > 2*lease+lease/2 {
		t.Errorf("it took %v to take over, with a lease of %v", took, lease)
	}
	s.Stored().Exactly(ids)
}

// A worker that stands still for longer than its lease has lost its work to others: nothing of it counts twice.
func TestWorkerPausedBeyondItsLease(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	sleeper := s.Worker("--lease=" + lease.String())
	gateway.AwaitReady()
	sleeper.AwaitReady()
	load := s.Load(8, 2*time.Millisecond, gateway.WebSocket())
	name := sleeper.Instance()
	holds := func(what string, ok func(entries int64) bool) {
		t.Helper()
		stack.Await(t, what, func() (int64, bool) { n := s.Holds(name); return n, ok(n) })
	}
	for range 3 {
		load.AwaitAcked(300)
		sleeper.Pause()
		holds("the sleeper has entries in its hands", func(n int64) bool { return n > 0 })
		other := s.Worker("--lease=" + lease.String())
		holds("the other worker has taken them over", func(n int64) bool { return n == 0 })
		sleeper.Resume()
		load.AwaitAcked(300)
		if code := other.Stop(); code != 0 {
			t.Errorf("the other worker ended with code %d", code)
		}
	}
	ids := load.Finish()
	s.AwaitProcessed(len(ids))
	s.Stored().Exactly(ids)
	sleeper.Says("lease had lapsed")
}
