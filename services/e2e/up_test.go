package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// up is `millrace up` on free ports.
type up struct{ *proc.Process }

func startUp(t *testing.T, env []string, dataDir string) up {
	t.Helper()
	return up{proc.Start(t, "millrace", env, "up", "--http-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--data-dir="+dataDir)}
}

// ready waits until events can be sent, and says how long that took.
func (u up) ready(t *testing.T) (base string, took time.Duration) {
	t.Helper()
	began := time.Now()
	base = "http://" + u.Addr("gateway/http")
	stack.Await(t, "up is ready", func() (int, bool) {
		status, _ := stack.Get(t, base+"/health/ready")
		return status, status == 200
	})
	return base, time.Since(began)
}

// stop ends it within the time that is promised.
func (u up) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	if code := u.Stop(); code != 0 {
		t.Errorf("up ended with code %d", code)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("up took %v to end", took)
	}
}

// sendLines sends the package log by `millrace send`, which compares with the ledger itself.
func sendLines(t *testing.T, base string) int {
	t.Helper()
	lines := len(linesOf(t, packageLog(t)))
	command, code := proc.Run(t, "millrace", nil, "send", "--url="+base, "--type=dpkg", packageLog(t))
	if want := fmt.Sprintf("accepted %d  processed %d", lines, lines); code != 0 || !strings.Contains(command.Output(), want) {
		t.Fatalf("send: exit code %d:\n%s\nwant %s", code, command.Log(), want)
	}
	return lines
}

func awaitAccepted(t *testing.T, base string, want int) {
	t.Helper()
	stack.Await(t, fmt.Sprintf("%d events are accepted", want), func() (string, bool) {
		_, body := stack.Get(t, base+"/api/stats")
		return string(body), strings.Contains(string(body), fmt.Sprintf(`"accepted":%d,`, want))
	})
}

// With a redis-server on PATH everything runs in one command, and a restart keeps it all; nothing is left behind.
func TestUpKeepsItsDataOverRestarts(t *testing.T) {
	dir := t.TempDir()
	first := startUp(t, nil, dir)
	base, took := first.ready(t)
	if took > 10*time.Second {
		t.Errorf("up was ready after %v", took)
	}
	first.Says("Redis", "a restart keeps everything")
	lines := sendLines(t, base)
	if len(redisIn(t, dir)) != 1 {
		t.Errorf("processes with files in %s: %v, want one Redis", dir, redisIn(t, dir))
	}

	second := startUp(t, nil, dir)
	if code := second.Wait(); code != 1 || !strings.Contains(second.Log(), "MR-START-006") {
		t.Errorf("a second up on the same folder ended with code %d, want 1 and MR-START-006:\n%s", code, second.Log())
	}
	awaitAccepted(t, base, lines) // the first one does not mind

	first.stop(t)
	again := startUp(t, nil, dir)
	base, _ = again.ready(t)
	awaitAccepted(t, base, lines)
	lines += sendLines(t, base)

	again.Kill()
	stack.Await(t, "no Redis is left behind", func() ([]int, bool) {
		left := redisIn(t, dir)
		return left, len(left) == 0
	})
	last := startUp(t, nil, dir)
	base, _ = last.ready(t)
	awaitAccepted(t, base, lines)
	last.stop(t)
	if left := redisIn(t, dir); len(left) > 0 {
		t.Errorf("processes with files in %s after the end: %v", dir, left)
	}
}

// Without a Redis on PATH one is embedded, and the banner says what a restart would keep.
func TestUpWithoutRedis(t *testing.T) {
	dir := t.TempDir()
	u := startUp(t, []string{"PATH="}, dir)
	base, took := u.ready(t)
	if took > 10*time.Second {
		t.Errorf("up was ready after %v", took)
	}
	u.Says("Redis", "memory")
	lines := sendLines(t, base)
	awaitAccepted(t, base, lines)
	u.stop(t)
}

// redisIn are the processes whose folder for files is below dir.
func redisIn(t *testing.T, dir string) []int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, link := range links {
		where, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(where, dir) {
			continue // it has ended, or is somebody else's
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, pid)
	}
	return found
}
