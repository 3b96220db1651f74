package deploy

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace.dev/services/e2e/stack"
)

// root is the repository, seen from this package.
const root = "../../.."

// nginx is a real one, with deploy/nginx.conf, before one gateway.
type nginx struct {
	addr string
	log  string // its access log
	said string // the file that it complains to
}

// startNginx starts one that ends with the test. Of the configuration only addresses and files are replaced.
func startNginx(t *testing.T, gateway *stack.Service) nginx {
	t.Helper()
	dir := t.TempDir()
	n := nginx{addr: freeAddress(t), log: filepath.Join(dir, "access.log"), said: filepath.Join(dir, "error.log")}
	_, port, err := net.SplitHostPort(gateway.Addr("http"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(root + "/deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := string(text)
	for _, change := range [][2]string{
		{"listen 8000;", "listen " + n.addr + ";"},
		{"set $gateway gateway;", "set $gateway 127.0.0.1;"},
		{"http://$gateway:8000;", "http://$gateway:" + port + ";"},
		{" /tmp/", " " + dir + "/"},
		{"/dev/stdout", n.log},
	} {
		if !strings.Contains(conf, change[0]) {
			t.Fatalf("deploy/nginx.conf has no %q any more", change[0])
		}
		conf = strings.ReplaceAll(conf, change[0], change[1])
	}
	if os.Getuid() == 0 {
		conf = "user root;\n" + conf // its workers write into the test's folder
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	n.run(t, file)
	return n
}

func (n nginx) run(t *testing.T, file string) {
	t.Helper()
	command := exec.Command(program(), "-e", "stderr", "-c", file)
	said, err := os.Create(n.said)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	command.Stderr = said
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("nginx: %v\n%s", err, n.complaints(t))
		}
	})
	stack.Await(t, "nginx answers", func() (int, bool) {
		status, _ := stack.Get(t, "http://"+n.addr+"/health")
		return status, status == http.StatusOK
	})
}

func (n nginx) complaints(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(n.said)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program is nginx, which not everyone has in their path.
func program() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// logged waits until the access log tells of a path, and returns all of it.
func (n nginx) logged(t *testing.T, path string) string {
	t.Helper()
	return stack.Await(t, "nginx logs "+path, func() (string, bool) {
		text, err := os.ReadFile(n.log)
		return string(text), err == nil && strings.Contains(string(text), path+" ")
	})
}

// ask sends a request, with headers in pairs, and returns the status.
func (n nginx) ask(t *testing.T, method, path string, headers ...string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+n.addr+path, strings.NewReader(`{"type":"t"}`))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	w, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(w.Body); err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, body.String()
}

// Everything passes nginx as it is, and a client is who nginx says, whatever the client claims.
func TestNginx(t *testing.T) {
	s := stack.New(t, stack.Durable())
	s.Stats()
	gateway := s.Gateway("--allow-anonymous", "--trusted-proxies=127.0.0.1", "--log-level=debug")
	gateway.AwaitReady()
	n := startNginx(t, gateway)

	sender := s.Sender("through-nginx", "ws://"+n.addr+"/ws")
	for range 20 {
		if err := sender.Send(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
	}
	sender.Flush(t.Context())
	s.Stored().Exactly(sender.Sent())
	if status, answer := n.ask(t, "POST", "/api/events"); status != http.StatusAccepted {
		t.Errorf("POST: %d %s", status, answer)
	}
	n.streams(t)

	if status, answer := n.ask(t, "GET", "/debug/memory", "X-Forwarded-For", "127.0.0.1, 203.0.113.9", "Forwarded", "for=203.0.113.8"); status != http.StatusForbidden {
		t.Errorf("admin without a key: %d %s", status, answer)
	}
	gateway.Says("/debug/memory from 127.0.0.1, Host") // what nginx saw, and no claim
	if log := gateway.Log(); strings.Contains(log, "203.0.113.") {
		t.Error("the gateway believes what a client claims")
	}
	if status, answer := n.ask(t, "GET", "/api/stats", "Host", "evil.example"); status != http.StatusMisdirectedRequest {
		t.Errorf("under a strange name: %d %s", status, answer)
	}
	if status, answer := n.ask(t, "POST", "/api/events", "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("from a page elsewhere: %d %s", status, answer)
	}
}

// streams reads the first figures of a stream, which come at once and not when nginx has gathered enough.
func (n nginx) streams(t *testing.T) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	w, err := client.Get("http://" + n.addr + "/api/stats/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	var text [512]byte
	if count, err := w.Body.Read(text[:]); err != nil || !strings.Contains(w.Header.Get("Content-Type"), "text/event-stream") {
		t.Errorf("the stream begins with %q, %v", text[:count], err)
	}
}

// Whoever comes through a proxy is not of this machine, and a key in an address is in no log.
func TestNginxBeforeAGatewayWithoutKeys(t *testing.T) {
	const secret = "mr_aaaaaaaa_S3CRETS3CRETS3CRETS3CRET1"
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway("--trusted-proxies=127.0.0.1", "--log-level=debug")
	gateway.AwaitReady()
	n := startNginx(t, gateway)
	for _, path := range []string{"/api/stats", "/ws", "/debug/memory"} {
		status, answer := n.ask(t, "GET", path)
		if status != http.StatusForbidden || !strings.Contains(answer, "--allow-anonymous") {
			t.Errorf("%s: %d %s", path, status, answer)
		}
		if status, answer = n.ask(t, "GET", path+"?access_token="+secret); status != http.StatusUnauthorized {
			t.Errorf("%s with a wrong key: %d %s", path, status, answer)
		}
	}
	gateway.Stop()
	if status, _ := n.ask(t, "GET", "/api/last?access_token="+secret); status != http.StatusBadGateway {
		t.Errorf("without a gateway: %d", status)
	}
	if log := n.logged(t, "/api/last"); strings.Contains(log, "S3CRET") || !strings.Contains(log, `"GET /debug/memory HTTP/1.1" 401`) {
		t.Errorf("nginx logs\n%s", log)
	}
	if all := n.complaints(t) + gateway.Log(); strings.Contains(all, "S3CRET") {
		t.Errorf("a key is in a log:\n%s", all)
	}
}
