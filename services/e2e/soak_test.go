package e2e

import (
	"os"
	"strconv"
	"testing"
	"time"

	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// misfortune is something that happens to a pipeline at work, and passes.
type misfortune struct {
	name   string
	befall func()
}

// Whatever happens in whatever order: each event is stored once, in order, and counted once. MILLRACE_SEEDS=3000 makes
// it 60 misfortunes long.
func TestSoakOfRandomFaults(t *testing.T) {
	random := newRand(t)
	s := stack.New(t, stack.Durable())
	s.Stats("--redis-timeout=1s")
	gateways := []*stack.Service{s.Gateway("--redis-timeout=1s"), s.Gateway("--redis-timeout=1s")}
	workers := []*stack.Service{s.Worker("--redis-timeout=1s", "--lease=1s"), s.Worker("--redis-timeout=1s", "--lease=1s")}
	for _, g := range gateways {
		g.AwaitReady()
	}
	witness := s.Witness()
	load := s.Load(6, 5*time.Millisecond, s.Front(gateways...).WebSocket())
	pause := func() { load.AwaitAcked(random.IntN(100)) }
	still := func() { stack.Last(t, time.Duration(random.IntN(3000))*time.Millisecond) }
	gateway := func() *stack.Service { return gateways[random.IntN(len(gateways))] }
	worker := func() *stack.Service { return workers[random.IntN(len(workers))] }
	all := []misfortune{
		{"a gateway is killed", func() { g := gateway(); g.Kill(); pause(); g.Again() }},
		{"a gateway is restarted", func() { g := gateway(); stopped(t, g.Process); pause(); g.Again() }},
		{"a worker is killed", func() { w := worker(); w.Kill(); pause(); w.Again() }},
		{"a worker is restarted", func() { w := worker(); stopped(t, w.Process); pause(); w.Again() }},
		{"a worker stands still", func() { w := worker(); w.Pause(); still(); w.Resume() }},
		{"a gateway stands still", func() { g := gateway(); g.Pause(); still(); g.Resume() }},
		{"Redis stands still", func() { s.Redis.Pause(); still(); s.Redis.Resume() }},
		{"Redis is killed", func() { s.Redis.Kill(); s.Redis.Start() }},
		{"Redis is restarted", func() { s.Redis.Stop(); s.Redis.Start() }},
		{"all gateways are killed", func() {
			for _, g := range gateways {
				g.Kill()
			}
			for _, g := range gateways {
				g.Again()
			}
		}},
	}
	for range rounds(t, 6, 60) {
		load.AwaitAcked(50 + random.IntN(200))
		m := all[random.IntN(len(all))]
		t.Log(m.name)
		m.befall()
	}
	ids := load.Finish()
	s.Stored().Exactly(ids)
	s.AwaitProcessed(len(ids))
	witness.AtLeast(ids)
}

// rounds is how often something befalls a pipeline: few times in an everyday test, often when MILLRACE_SEEDS=3000.
func rounds(t *testing.T, few, often int) int {
	t.Helper()
	text := os.Getenv("MILLRACE_SEEDS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("MILLRACE_SEEDS: %v", err)
	}
	return max(few, n*often/3000)
}

func stopped(t *testing.T, p *proc.Process) {
	t.Helper()
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
