package server

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestDataSurvivesARestart(t *testing.T) {
	dir := folder(t)
	for want := range int64(3) {
		s := found(t, dir, nil)
		r := begin(t, s)
		n, err := client(t, s).Incr(t.Context(), "starts").Result()
		if n != want+1 || err != nil {
			t.Errorf("%d starts are known, want %d (%v)", n, want+1, err)
		}
		r.end(t)
	}
}

func TestKilledChildComesBackWithItsData(t *testing.T) {
	var log record
	s := found(t, folder(t), log.logger(slog.LevelInfo))
	begin(t, s)
	c := client(t, s)
	for n := range 2 {
		must(t, c.Incr(t.Context(), "kills").Err())
		before := pid(t, c)
		must(t, syscall.Kill(before, syscall.SIGKILL))
		eventually(t, "an answer", func() bool { return c.Ping(t.Context()).Err() == nil })
		if after := pid(t, c); after == before {
			t.Errorf("process %d still answers", before)
		}
		if kills, err := c.Get(t.Context(), "kills").Int(); kills != n+1 || err != nil {
			t.Errorf("kills is %d, want %d (%v)", kills, n+1, err)
		}
	}
	if !strings.Contains(log.String(), "starting it again") {
		t.Errorf("the log does not tell:\n%s", log.String())
	}
}

func TestChildDiesWithItsParent(t *testing.T) {
	dir := folder(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), asParent+"="+dir)
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Errorf("the parent said %q (%v)", line, err)
	}
	s := found(t, dir, nil)
	c := client(t, s)
	must(t, c.Set(t.Context(), "k", "kept", 0).Err())
	orphan := pid(t, c)
	must(t, parent.Process.Kill())
	_ = parent.Wait() // says that it was killed
	eventually(t, "the end of the child", func() bool { return syscall.Kill(orphan, 0) == syscall.ESRCH || zombie(orphan) })

	begin(t, s) // the folder is free again
	if v, err := client(t, s).Get(t.Context(), "k").Result(); v != "kept" {
		t.Errorf("k is %q (%v)", v, err)
	}
}

// zombie: dead, and nobody has looked yet; an orphan's death is init's to look at.
func zombie(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(text), ") Z ")
}

func TestSecondServerIsRefused(t *testing.T) {
	dir := folder(t)
	first := begin(t, found(t, dir, nil))

	second := found(t, dir, nil)
	second.source.(*child).patience = 100 * time.Millisecond
	err := second.Run(t.Context(), func() { t.Error("the second server is ready") })
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("the second server: %v, want which folder is in use and what to do", err)
	}

	first.end(t)
	begin(t, second)
}

func TestEndingServerIsWaitedFor(t *testing.T) {
	dir := folder(t)
	s := found(t, dir, nil)
	must(t, makePrivate(s.source.(*child).dir))
	leftover, err := take(t.Context(), s.source.(*child).dir, 0)
	must(t, err)
	release := time.AfterFunc(150*time.Millisecond, func() { _ = leftover.Close() })
	defer release.Stop()
	began := time.Now()
	begin(t, s)
	if waited := time.Since(began); waited < 150*time.Millisecond {
		t.Errorf("started after %v on a folder that was taken", waited)
	}
}

func TestWaitForAFolderEndsWithTheContext(t *testing.T) {
	dir := folder(t)
	held, err := take(t.Context(), dir, 0)
	must(t, err)
	defer held.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := take(ctx, dir, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("take: %v, want that the context ended", err)
	}
}

func TestLongPathListensOnLoopbackWithAPassword(t *testing.T) {
	s := found(t, filepath.Join(folder(t), strings.Repeat("long", 25)), nil)
	begin(t, s)
	form := regexp.MustCompile(`^redis://:([A-Z2-7]{26})@(127\.0\.0\.1:\d+)$`)
	parts := form.FindStringSubmatch(s.URL())
	if parts == nil {
		t.Fatalf("URL is %s", s.URL())
	}
	c := client(t, s)
	must(t, c.Set(t.Context(), "k", "v", 0).Err())

	stranger := redis.NewClient(&redis.Options{Addr: parts[2], MaxRetries: -1})
	defer stranger.Close()
	if err := stranger.Get(t.Context(), "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("without the password: %v, want NOAUTH", err)
	}
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid(t, c)) + "/cmdline")
	if err != nil || strings.Contains(string(line), parts[1]) {
		t.Errorf("the command line is %q (%v): anybody reads the password there", line, err)
	}
}

func TestSocketIsItsUsersAlone(t *testing.T) {
	dir := folder(t)
	must(t, os.Mkdir(filepath.Join(dir, "redis"), 0o777)) // as somebody's umask left it
	s := found(t, dir, nil)
	begin(t, s)
	for name, want := range map[string]os.FileMode{"redis": 0o700, "redis/redis.sock": 0o700, "redis/lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v (%v)", name, info.Mode().Perm(), want, err)
		}
	}
	if port, err := client(t, s).ConfigGet(t.Context(), "port").Result(); port["port"] != "0" {
		t.Errorf("port is %v (%v)", port, err)
	}
}

func TestSettingsArrive(t *testing.T) {
	dir := filepath.Join(folder(t), `we"ird \ földer #1`)
	s := found(t, dir, nil)
	begin(t, s)
	c := client(t, s)
	for name, want := range map[string]string{
		"dir": filepath.Join(dir, "redis"), "appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no",
		"save": "", "maxmemory-policy": "noeviction", "maxmemory": strconv.FormatUint(memory(os.DirFS("/"))/4, 10),
	} {
		got, err := c.ConfigGet(t.Context(), name).Result()
		if err != nil || got[name] != want {
			t.Errorf("%s is %q, want %q (%v)", name, got[name], want, err)
		}
	}
}

func TestStartThatFailsSaysWhatRedisSaid(t *testing.T) {
	dir := folder(t)
	r := begin(t, found(t, dir, nil))
	r.end(t)
	manifests, err := filepath.Glob(filepath.Join(dir, "redis/appendonlydir/*.manifest"))
	if err != nil || len(manifests) != 1 {
		t.Fatalf("manifests: %v (%v)", manifests, err)
	}
	must(t, os.WriteFile(manifests[0], []byte("not a manifest\n"), 0o600))
	err = found(t, dir, nil).Run(t.Context(), func() { t.Error("ready") })
	if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "AOF") {
		t.Errorf("Run: %v, want Redis's own words", err)
	}
}

func TestFolderThatCantBeMade(t *testing.T) {
	file := filepath.Join(folder(t), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	err := found(t, file, nil).Run(t.Context(), func() { t.Error("ready") })
	if err == nil || !strings.Contains(err.Error(), "--data-dir") || !strings.Contains(err.Error(), file) {
		t.Errorf("Run: %v, want the folder and the flag", err)
	}
}

func TestChildThatDoesNotStopIsKilled(t *testing.T) {
	s := found(t, folder(t), nil)
	s.source.(*child).grace = 50 * time.Millisecond
	r := begin(t, s)
	stuck := pid(t, client(t, s))
	must(t, syscall.Kill(stuck, syscall.SIGSTOP))
	r.end(t)
	if err := syscall.Kill(stuck, 0); err != syscall.ESRCH {
		t.Errorf("process %d: %v, want none", stuck, err)
	}
}

func TestInOrdinaryLifeRedisWarnsOfNothing(t *testing.T) {
	var log record
	s := found(t, folder(t), log.logger(slog.LevelDebug))
	begin(t, s).end(t)
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=WARN") {
			t.Errorf("a warning: %s", line)
		}
	}
	if !strings.Contains(log.String(), "ready to accept connections") {
		t.Errorf("Redis's own words are missing:\n%s", log.String())
	}
}

var processID = regexp.MustCompile(`process_id:(\d+)`)

// pid is the process that answers.
func pid(t *testing.T, c *redis.Client) int {
	t.Helper()
	info, err := c.Info(t.Context(), "server").Result()
	must(t, err)
	id, err := strconv.Atoi(processID.FindStringSubmatch(info)[1])
	must(t, err)
	return id
}
