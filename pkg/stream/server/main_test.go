package server

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"
)

// asParent makes the test binary a process that runs a server with its data in the folder named.
const asParent = "MILLRACE_TEST_DATA_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asParent); dir != "" {
		beParent(dir)
		return
	}
	logging.Disable() // go-redis prints each connection that fails
	goleak.VerifyTestMain(m)
}

// beParent prints a line when the server answers, and runs until it is killed.
func beParent(dir string) {
	s, err := Find("", dir, slog.New(slog.DiscardHandler))
	if err == nil {
		err = s.Run(context.Background(), func() { fmt.Println("ready") })
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// found is Find with data in a folder of the test, whose path is short enough for a socket.
func found(t *testing.T, dir string, log *slog.Logger) *Server {
	t.Helper()
	if log == nil {
		log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s, err := Find("", dir, log)
	must(t, err)
	if _, ok := s.source.(*child); !ok {
		t.Fatalf("found %q, want a child: apt-get install redis-server", s.Describe())
	}
	return s
}

func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "data")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// running is a server whose Run is under way.
type running struct {
	stop context.CancelFunc
	done chan struct{}
	err  error
}

// begin starts s and returns when it is ready.
func begin(t *testing.T, s *Server) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{stop: cancel, done: make(chan struct{})}
	ready := make(chan struct{})
	go func() {
		defer close(r.done)
		r.err = s.Run(ctx, func() { close(ready) })
	}()
	t.Cleanup(func() { r.end(t) })
	select {
	case <-ready:
	case <-r.done:
		t.Fatalf("Run: %v", r.err)
	}
	return r
}

func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	<-r.done
	if r.err != nil {
		t.Errorf("Run: %v", r.err)
	}
}

func client(t *testing.T, s *Server) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(s.URL())
	must(t, err)
	o.MaxRetries, o.DialerRetries = -1, 1
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// eventually asks until try says yes.
func eventually(t *testing.T, what string, try func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !try() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// record is a log to read.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (r *record) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: level}))
}
