package e2e

import (
	"net/http"
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
	s := stack.New(t, stack.Durable())
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
	stood := load.Acked()
	back(s)

	gateway.AwaitReady()
	worker.AwaitReady()
	gateway.Says("appending to Redis again")
	worker.Says("Redis is back")
	load.AwaitAcked(500)
	ids := load.Finish()
	if len(ids) <= stood {
		t.Errorf("%d events in all, %d of them before the outage", len(ids), stood)
	}
	s.Stored().Exactly(ids)
	s.AwaitProcessed(len(ids))
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
