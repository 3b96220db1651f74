package stack

import (
	"encoding/json"
	"net/http"

	"millrace.dev/services/e2e/proc"
)

// Service is a gateway, a worker or stats. It can be started again, at the same address.
type Service struct {
	*proc.Process
	stack *Stack
	name  string
	args  []string
	what  string // what is at its main address: http or grpc
	flag  string // which flag sets that address
}

func (s *Stack) start(name, what, flag string, args []string) *Service {
	s.t.Helper()
	service := &Service{stack: s, name: name, what: what, flag: flag, args: args}
	service.begin("127.0.0.1:0")
	return service
}

func (s *Service) begin(addr string) {
	s.stack.t.Helper()
	args := append([]string{s.flag + "=" + addr, "--redis-url=" + s.stack.Redis.URL}, s.args...)
	if s.name != "stats" {
		args = append(args, "--stats-addr="+s.stack.stats)
	}
	s.Process = proc.Start(s.stack.t, s.name, nil, args...)
	s.Addr(s.what)
}

// Again starts the service again after its end, at the address that it had.
func (s *Service) Again() {
	s.stack.t.Helper()
	s.begin(s.Addr(s.what))
}

// URL is an address of the service's HTTP.
func (s *Service) URL(path string) string { return "http://" + s.Addr("http") + path }

// WebSocket is where events are sent to.
func (s *Service) WebSocket() string { return "ws://" + s.Addr("http") + "/ws" }

// AwaitReady waits until the service says that it is ready.
func (s *Service) AwaitReady() {
	s.stack.t.Helper()
	s.AwaitStatus("/health/ready", http.StatusOK)
}

// AwaitStatus waits until the service answers a path with that status.
func (s *Service) AwaitStatus(path string, want int) {
	s.stack.t.Helper()
	Await(s.stack.t, s.name+" answers "+path, func() (int, bool) {
		status, _ := Get(s.stack.t, s.URL(path))
		return status, status == want
	})
}

// GetJSON asks a path of the service, which must answer 200 with JSON.
func (s *Service) GetJSON(path string, answer any) {
	s.stack.t.Helper()
	status, body := Get(s.stack.t, s.URL(path))
	if err := json.Unmarshal(body, answer); err != nil || status != http.StatusOK {
		s.stack.t.Fatalf("%s answers %s with %d %s (%v)", s.name, path, status, body, err)
	}
}

// Instance is the id under which the service's present process is known.
func (s *Service) Instance() string {
	s.stack.t.Helper()
	var health struct{ Instance string }
	s.GetJSON("/health", &health)
	return health.Instance
}
