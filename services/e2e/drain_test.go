package e2e

import (
	"testing"
	"time"

	"millrace.dev/services/e2e/stack"
)

// A gateway that is told to stop says so, stores and acknowledges what it has taken, and its clients go on elsewhere.
func TestGatewayDrainsUnderLoad(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	leaving, staying := s.Gateway(), s.Gateway()
	s.Worker()
	leaving.AwaitReady()
	staying.AwaitReady()
	front := s.Front(leaving, staying)
	load := s.Load(8, 2*time.Millisecond, front.WebSocket())
	anonymous := connect(t, leaving, "")
	anonymous.say(string(stack.Events("anonymous", 1, 5)))
	load.AwaitAcked(500)
	before := load.Acked()

	if code := leaving.Stop(); code != 0 {
		t.Errorf("the gateway ended with code %d", code)
	}
	code, heard := anonymous.ended()
	var acked int
	var draining message
	for _, m := range heard {
		switch m.Type {
		case "ack":
			acked = m.Seq
		case "draining":
			draining = m
		}
	}
	if code != 1012 || acked != 5 || draining.ReconnectAfterMS <= 0 {
		t.Errorf("closed with %d, acknowledged %d, told %+v; want 1012, 5 and when to reconnect", code, acked, draining)
	}
	load.AwaitAcked(500)
	ids := load.Finish()
	if len(ids) <= before {
		t.Error("nobody went on at the other gateway")
	}
	for n := range 5 {
		ids = append(ids, stack.ID("anonymous", n+1))
	}
	s.Stored().Exactly(ids)
	s.AwaitProcessed(len(ids))
}

// A worker that is told to stop settles what it has in its hands or hands it over at once: nobody waits for its lease.
func TestWorkerDrainsUnderLoad(t *testing.T) {
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	leaving, staying := s.Worker("--lease=30s"), s.Worker("--lease=30s")
	gateway.AwaitReady()
	leaving.AwaitReady()
	staying.AwaitReady()
	load := s.Load(8, time.Millisecond, gateway.WebSocket())
	load.AwaitAcked(1000)
	victim := leaving.Instance()
	if code := leaving.Stop(); code != 0 {
		t.Errorf("the worker ended with code %d", code)
	}
	if n := s.Holds(victim); n > 0 {
		t.Errorf("the worker that is gone still holds %d entries", n)
	}
	load.AwaitAcked(500)
	ids := load.Finish()
	if took := s.AwaitProcessed(len(ids)); took > 10*time.Second {
		t.Errorf("it took %v until all was processed: somebody waited for a lease", took)
	}
	s.Stored().Exactly(ids)
}
