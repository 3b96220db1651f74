// Package stack runs the whole pipeline for a test: a Redis of its own and each service as a process, on free ports.
//
//	senders ─▶ front ─▶ gateways ─▶ Redis ─▶ workers, witness
//	                        │         │
//	                        └─ stats ─┴─ oracle
//
// What a test may ask of it is what a user has: commands, addresses, signals, and Redis itself, which can be stopped.
// The oracle reads the stream and compares ids with those that were sent; a witness is a pipeline in the test's own
// process that notes what its handler saw.
package stack

import (
	"os/exec"
	"strings"
	"testing"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
	"millrace.dev/services/e2e/proc"
)

// Stack is a pipeline of real processes. Its methods are for the test's own goroutine.
type Stack struct {
	// Redis is the server, which can be stopped, killed, paused and started again.
	Redis *streamtest.Server

	t      testing.TB
	stats  string // where stats listens for gRPC
	stream *stream.Stream
}

// nobody is an address where nobody listens.
const nobody = "127.0.0.1:1"

// maxMemory is what Redis may use where a test does not say it, in bytes: one without a bound is a finding.
const maxMemory = 1 << 30

// New starts a Redis, and nothing else.
func New(t testing.TB, o streamtest.Options) *Stack {
	t.Helper()
	if o.MaxMemory == 0 {
		o.MaxMemory = maxMemory
	}
	return &Stack{Redis: streamtest.RedisWith(t, o), t: t, stats: nobody}
}

// Durable is a Redis that keeps what it acknowledged, at an address that a restart keeps.
func Durable() streamtest.Options { return streamtest.Options{AppendFsync: "always"} }

// Whole starts stats, a gateway and a worker on a durable Redis, and waits until they are ready.
func Whole(t testing.TB) (s *Stack, gateway, worker *Service) {
	t.Helper()
	s = New(t, Durable())
	s.Stats()
	gateway, worker = s.Gateway(), s.Worker()
	gateway.AwaitReady()
	worker.AwaitReady()
	return s, gateway, worker
}

// Stats starts stats; the services that are started after it report to it.
func (s *Stack) Stats(args ...string) *Service {
	s.t.Helper()
	service := s.start("stats", "grpc", "--grpc-addr", args)
	s.stats = service.Addr("grpc")
	return service
}

// Gateway starts a gateway.
func (s *Stack) Gateway(args ...string) *Service {
	s.t.Helper()
	return s.start("gateway", "http", "--http-addr", args)
}

// Worker starts a worker.
func (s *Stack) Worker(args ...string) *Service {
	s.t.Helper()
	return s.start("worker", "http", "--http-addr", args)
}

// Command runs millrace with arguments to its end, and returns its exit code.
func (s *Stack) Command(args ...string) (*proc.Process, int) {
	s.t.Helper()
	return proc.Run(s.t, "millrace", nil, args...)
}

// Begin starts millrace with arguments.
func (s *Stack) Begin(args ...string) *proc.Process {
	s.t.Helper()
	return proc.Start(s.t, "millrace", nil, args...)
}

// StatsAddr is where stats listens for gRPC, or nobody.
func (s *Stack) StatsAddr() string { return s.stats }

// RedisCommand does by hand what nobody should do by hand: it runs redis-cli and returns what it prints.
func (s *Stack) RedisCommand(args ...string) string {
	s.t.Helper()
	where := []string{"-u", s.Redis.URL}
	if socket, ok := strings.CutPrefix(s.Redis.URL, "unix://"); ok {
		where = []string{"-s", socket}
	}
	out, err := exec.CommandContext(s.t.Context(), "redis-cli", append(where, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Stream is the test's own handle on the stream, for the oracle.
func (s *Stack) Stream() *stream.Stream {
	s.t.Helper()
	if s.stream != nil {
		return s.stream
	}
	c := stream.Config{URL: s.Redis.URL, PoolMax: 4, Timeout: proc.Patience}
	opened, err := stream.Open(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = opened.Close() })
	s.stream = opened
	return opened
}
