package e2e

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// Services that start before Redis wait for it, alive and not ready, and then work.
func TestServicesStartBeforeRedis(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	s.Redis.Stop()
	stats := s.Stats()
	gateway, worker := s.Gateway(), s.Worker()
	for _, service := range []*stack.Service{gateway, worker, stats} {
		service.AwaitStatus("/health", http.StatusOK)
		service.AwaitStatus("/health/ready", http.StatusServiceUnavailable)
		service.Says("WARN", "waiting for Redis")
	}
	if status, body := stack.Get(t, gateway.URL("/ws?session=0123456789012345678901&next=1")); status != http.StatusServiceUnavailable {
		t.Errorf("a client gets %d %s without Redis, want 503", status, body)
	}
	load := s.Load(2, 0, gateway.WebSocket()) // it tries until it is let in

	s.Redis.Start()
	for _, service := range []*stack.Service{gateway, worker, stats} {
		service.AwaitReady()
	}
	load.AwaitAcked(100)
	ids := load.Finish()
	s.Stored().Exactly(ids)
	s.AwaitProcessed(len(ids))
}

// All faults of the settings are named at once, by flag, and the exit code is that of wrong usage.
func TestWrongSettings(t *testing.T) {
	for name, faults := range map[string][]string{
		"gateway": {"--partitions=1000", "--buffer-events=5", "--redis-url=ftp://nowhere", "--heartbeat=1ms", "--redis-timeout=soon"},
		"worker":  {"--partitions=1000", "--lease=1ms", "--redis-url=ftp://nowhere", "--redis-pool-min=50"},
		"stats":   {"--partitions=1000", "--forget-instances=1s", "--redis-url=ftp://nowhere", "--redis-pool-max=0"},
	} {
		t.Run(name, func(t *testing.T) {
			service, code := proc.Run(t, name, nil, faults...)
			if code != 64 || !strings.Contains(service.Log(), "MR-START-007") {
				t.Errorf("exit code %d, want 64 and its finding:\n%s", code, service.Log())
			}
			for _, fault := range faults {
				flag, _, _ := strings.Cut(fault, "=")
				if !strings.Contains(service.Log(), flag+":") {
					t.Errorf("%s is not named:\n%s", fault, service.Log())
				}
			}
		})
	}
}

// An address that somebody else has: exit code 1, and the finding says so.
func TestAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, flag := range map[string]string{"gateway": "--http-addr=", "worker": "--http-addr=", "stats": "--grpc-addr="} {
		service, code := proc.Run(t, name, nil, flag+taken.Addr().String())
		if code != 1 || !strings.Contains(service.Log(), "MR-START-001") || !strings.Contains(service.Log(), taken.Addr().String()) {
			t.Errorf("%s: exit code %d, want 1 and MR-START-001 with the address:\n%s", name, code, service.Log())
		}
	}
}
