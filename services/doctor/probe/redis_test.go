package probe_test

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/probe"
)

func redisProbe(t *testing.T, url string) doctor.Probe {
	t.Helper()
	c := probe.Config{
		Gateway: "http://" + closed(t), Stats: closed(t),
		Redis: stream.Config{URL: url, Timeout: time.Second, PoolMin: 5, PoolMax: 20},
	}
	return probe.Take(t.Context(), c).Probes[doctor.ProbeRedis]
}

func TestRedisThatIsAway(t *testing.T) {
	p := redisProbe(t, "redis://user:secret@"+closed(t)+"/0")
	if p.Fault != doctor.FaultRefused {
		t.Errorf("nobody listens, and the probe says %+v", p)
	}
	if strings.Contains(p.Target+p.Error, "secret") {
		t.Errorf("a finding would show the password: %+v", p)
	}
	if p := redisProbe(t, "unix://"+filepath.Join(t.TempDir(), "none.sock")); p.Fault != doctor.FaultRefused {
		t.Errorf("there is no socket file, and the probe says %+v", p)
	}
}

func TestRedisThatRefuses(t *testing.T) {
	for reply, want := range map[string]doctor.Fault{
		"-NOAUTH Authentication required.":              doctor.FaultDenied,
		"-LOADING Redis is loading the dataset":         doctor.FaultLoading,
		"-MISCONF Redis is configured to save":          doctor.FaultReadOnly,
		"-ERR something else":                           doctor.FaultOther,
		"-OOM command not allowed when used memory > x": doctor.FaultFull,
	} {
		if p := redisProbe(t, "redis://"+fakeRedis(t, reply)); p.Fault != want {
			t.Errorf("to %q the probe says %+v, want %s", reply, p, want)
		}
	}
}

// fakeRedis answers every command with the same reply.
func fakeRedis(t *testing.T, reply string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { repeat(conn, reply) })
		}
	})
	return l.Addr().String()
}

// repeat answers each command, which begins with its number of words, until the client hangs up.
func repeat(conn net.Conn, reply string) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "*") {
			if _, err := io.WriteString(conn, reply+"\r\n"); err != nil {
				return
			}
		}
	}
}

// A look at a Redis that holds nothing yet must not decide how many partitions there will be.
func TestRedisThatAnswersIsLeftAlone(t *testing.T) {
	url := startRedis(t)
	if p := redisProbe(t, url); p.Fault != "" || p.RoundTrip <= 0 {
		t.Fatalf("a Redis that works: %+v", p)
	}
	s, err := stream.Open(t.Context(), stream.Config{URL: url, Timeout: time.Second, PoolMax: 2, Partitions: 3})
	if err != nil {
		t.Fatalf("after a probe the stream can't be made as somebody wants it: %v", err)
	}
	s.Close()
}

// startRedis runs a Redis that ends with the test.
func startRedis(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "redis.sock")
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", filepath.Dir(socket))
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // says only that it was killed
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(strings.ToLower(lines.Text()), "ready to accept connections") {
			return "unix://" + socket
		}
	}
	t.Fatal("redis-server ended before it was ready")
	return ""
}
