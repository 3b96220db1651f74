package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"millrace.dev/services/e2e/stack"
)

// Redis goes away under load, in order or by a crash, and comes back with its append-only file: no acknowledged event
// is missing, nobody crashes, and everybody says what is going on.
func TestRedisAwayUnderLoad(t *testing.T) {
	t.Run("stopped", func(t *testing.T) {
		redisAway(t, func(s *stack.Stack) { s.Redis.Stop() }, func(s *stack.Stack) { s.Redis.Start() })
	})
	t.Run("killed", func(t *testing.T) {
		redisAway(t, func(s *stack.Stack) { s.Redis.Kill() }, func(s *stack.Stack) { s.Redis.Start() })
	})
	t.Run("paused", func(t *testing.T) {
		redisAway(t, func(s *stack.Stack) { s.Redis.Pause() }, func(s *stack.Stack) { s.Redis.Resume() })
	})
}

func redisAway(t *testing.T, away, back func(*stack.Stack)) {
	t.Helper()
	t.Parallel()
	s := stack.New(t, stack.Durable())
	s.Stats("--redis-timeout=1s")
	gateway, worker := s.Gateway("--redis-timeout=1s"), s.Worker("--redis-timeout=1s", "--lease=1s")
	gateway.AwaitReady()
	worker.AwaitReady()
	s.Stream() // before Redis goes
	load := s.Load(8, 2*time.Millisecond, gateway.WebSocket())
	load.AwaitAcked(500)

	away(s)
	gateway.AwaitStatus("/health/ready", http.StatusServiceUnavailable)
	worker.AwaitStatus("/health/ready", http.StatusServiceUnavailable)
	gateway.AwaitStatus("/health", http.StatusOK)
	worker.AwaitStatus("/health", http.StatusOK)
	gateway.Says("ERROR", "appending to Redis fails", "held back")
	worker.Says("WARN", "Redis fails; waiting until it is back")
	stack.Await(t, "the gateway's buffer is full", func() (buffer, bool) {
		b := bufferOf(t, gateway)
		return b, b.Size > b.Capacity-10 // a frame has fewer events
	})
	awaitDiagnosis(t, gateway, "the diagnosis names it", func(raised []string) bool {
		return slices.Equal(raised, []string{"MR-REDIS-001 crit"}) // and nothing that follows from it
	})
	stood := load.Acked()
	back(s)

	gateway.AwaitReady()
	worker.AwaitReady()
	awaitDiagnosis(t, gateway, "the finding is cleared", func(raised []string) bool {
		return !slices.Contains(raised, "MR-REDIS-001 crit")
	})
	gateway.Says("appending to Redis again")
	worker.Says("Redis is back")
	load.AwaitAcked(500)
	ids := load.Finish()
	if len(ids) <= stood {
		t.Errorf("%d events in all, %d of them before the outage", len(ids), stood)
	}
	s.Stored().Exactly(ids)
	s.AwaitProcessed(len(ids))
	awaitDiagnosis(t, gateway, "all is well", func(raised []string) bool { return len(raised) == 0 })
}

// awaitDiagnosis waits until /api/diagnosis is as wanted; it is handed the warnings and worse, as "<id> <status>".
func awaitDiagnosis(t *testing.T, gateway *stack.Service, what string, ok func(raised []string) bool) {
	t.Helper()
	stack.Await(t, what, func() (string, bool) {
		var d struct {
			Rules    int
			Findings []struct{ ID, Status string }
		}
		gateway.GetJSON("/api/diagnosis", &d)
		raised := []string{}
		for _, f := range d.Findings {
			if f.Status == "warn" || f.Status == "crit" {
				raised = append(raised, f.ID+" "+f.Status)
			}
		}
		return fmt.Sprint(raised), d.Rules > 0 && ok(raised)
	})
}

// buffer is what /debug/buffer says.
type buffer struct {
	Size, Capacity, Dropped, Workers int64
	Policy                           string
	OldestMS                         int64 `json:"oldest_ms"`
}

func bufferOf(t *testing.T, gateway *stack.Service) buffer {
	t.Helper()
	var b buffer
	gateway.GetJSON("/debug/buffer", &b)
	return b
}
