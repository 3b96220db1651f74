package faults

import (
	"testing"
	"time"

	"millrace.dev/services/e2e/stack"
)

// aMoment is how long something is away that nobody should be woken for: less than two samples of the doctor.
const aMoment = 500 * time.Millisecond

func stopRedis(_ testing.TB, p *Patient) { p.Redis.Stop() }

// A Redis that hangs for a moment, as it does when its disk stalls.
func pauseRedisForAMoment(t testing.TB, p *Patient) {
	p.Redis.Pause()
	stack.Last(t, aMoment)
	p.Redis.Resume()
}

func killTheGateway(_ testing.TB, p *Patient) { p.gateway.Kill() }

// Events can still be sent while one gateway is up.
func killOneOfTwoGateways(_ testing.TB, p *Patient) {
	other := p.Gateway()
	other.AwaitReady()
	other.Kill()
}

func killStats(_ testing.TB, p *Patient) { p.stats.Kill() }

func pauseStatsForAMoment(t testing.TB, p *Patient) {
	p.stats.Pause()
	stack.Last(t, aMoment)
	p.stats.Resume()
}

func killTheWorker(t testing.TB, p *Patient) {
	p.worker.Kill()
	p.send(t, "unread", 10)
}

// The other one takes over.
func killOneOfTwoWorkers(t testing.TB, p *Patient) {
	other := p.Worker("--lease=1s")
	other.AwaitReady()
	p.send(t, "shared", 10)
	other.Kill()
	p.send(t, "taken over", 10)
}
