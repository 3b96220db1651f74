// Package faults makes every fault that the doctor has a rule for, in a real pipeline, and beside each something like it
// that is none: the doctor must name the one and be silent about the other.
package faults

import (
	"testing"
	"time"

	"millrace.dev/pkg/stream/streamtest"
	"millrace.dev/services/e2e/stack"
)

// Fault is what one rule is about.
type Fault struct {
	// Inject makes the fault.
	Inject func(t testing.TB, p *Patient)
	// Control does something that looks like it and is no fault.
	Control func(t testing.TB, p *Patient)
	// Within is the longest time from the end of Inject until the doctor names the fault.
	Within time.Duration
}

// Faults are all faults, by the id of their rule.
func Faults() map[string]Fault {
	return map[string]Fault{
		"MR-REDIS-001":   {stopRedis, pauseRedisForAMoment, 15 * time.Second},
		"MR-GATEWAY-001": {killTheGateway, killOneOfTwoGateways, 10 * time.Second},
		"MR-STATS-001":   {killStats, pauseStatsForAMoment, 10 * time.Second},
		"MR-WORKER-001":  {killTheWorker, killOneOfTwoWorkers, 15 * time.Second},
		"MR-LEDGER-001":  {deleteWhatNobodyRead, deleteWhatIsSettled, 15 * time.Second},
		"MR-LAG-001":     {hangAHandler, slowAHandler, 20 * time.Second},
		"MR-BUFFER-001":  {sendMoreThanIsStored, sendWhatIsStored, 20 * time.Second},
		"MR-BUFFER-002":  {dropTheOldest, dropNothing, 20 * time.Second},
		"MR-BUFFER-003":  {refuseForRoom, refuseNothing, 20 * time.Second},
		"MR-REDIS-002":   {letRedisForget, giveRedisMore, 10 * time.Second},
		"MR-REDIS-003":   {unboundRedis, giveRedisLess, 10 * time.Second},
		"MR-LOSS-001":    {crashWithoutItsFile, crashWithItsFile, 20 * time.Second},
		"MR-INTAKE-001":  {pause, pauseAndResume, 10 * time.Second},
		"MR-INTAKE-002":  {fallBehindTheMarks, stayBeforeTheMarks, 20 * time.Second},
		"MR-INTAKE-003":  {breakAPromise, keepAPromise, 15 * time.Second},
		"MR-LIMIT-001":   {exceedALimit, stayWithinALimit, 20 * time.Second},
		"MR-REJECT-001":  {sendManyInvalid, sendFewInvalid, 20 * time.Second},
		"MR-ACCESS-001":  {askUnderAnotherName, askUnderItsName, 20 * time.Second},
		"MR-ACCESS-002":  {deleteWhatOperatorsSaid, setAndRemoveLimits, 15 * time.Second},
	}
}

// Patient is a pipeline that was well before.
type Patient struct {
	*stack.Stack
	gateway, worker, stats *stack.Service
}

// admit starts a pipeline and sends some events through it.
func admit(t testing.TB) *Patient {
	t.Helper()
	p := &Patient{Stack: stack.New(t, streamtest.Options{AppendFsync: "always", MaxMemory: maxMemory})}
	p.stats = p.Stats()
	p.gateway = p.Gateway("--redis-timeout=1s")
	p.worker = p.Worker("--redis-timeout=1s", "--lease=1s")
	p.gateway.AwaitReady()
	p.worker.AwaitReady()
	p.send(t, "history", 100)
	p.AwaitProcessed(100)
	return p
}

// send sends events through the gateway, and returns when they are stored.
func (p *Patient) send(t testing.TB, sender string, events int) {
	t.Helper()
	c := p.Sender(sender, p.gateway.WebSocket())
	for range events {
		if err := c.Send(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	c.Flush(t.Context())
}
