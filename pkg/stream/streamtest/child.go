package streamtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream/server/process"
)

// child is a Redis of its own process.
type child struct {
	program string
	args    []string
	dir     string
	own     bool // dir goes with us
	url     string

	process *process.Process // nil: not running
}

func findProgram() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoRedis
}

// Start starts the server again after Kill or Stop, at the same address with the same files, and waits until it
// answers.
func (s *Server) Start() {
	s.t.Helper()
	c := s.real()
	if c.process != nil {
		s.t.Fatal("streamtest: Start: Redis is running")
	}
	var out bytes.Buffer // read after the end only
	if err := c.start(&out); err != nil {
		s.t.Fatal(err)
	}
	if err := c.await(context.Background()); err != nil {
		c.end()
		s.t.Fatalf("Redis does not answer: %v\n%s", err, out.Bytes())
	}
}

// Kill ends the server as a crash would (SIGKILL).
func (s *Server) Kill() {
	s.t.Helper()
	s.running("Kill").end()
}

// Stop ends the server in order (SIGTERM) and waits.
func (s *Server) Stop() {
	s.t.Helper()
	c := s.running("Stop")
	s.signal(c, syscall.SIGTERM)
	<-c.process.Done()
	c.process = nil
}

// Pause stops the server in its tracks (SIGSTOP): connections stay open, nothing answers.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(s.running("Pause"), syscall.SIGSTOP)
}

// Resume lets a paused server go on.
func (s *Server) Resume() {
	s.t.Helper()
	s.signal(s.running("Resume"), syscall.SIGCONT)
}

// Dir is where the server's files are.
func (s *Server) Dir() string { return s.real().dir }

// PID is the number of the server's process, which a restart changes.
func (s *Server) PID() int { return s.running("PID").process.PID() }

func (s *Server) real() *child {
	s.t.Helper()
	if s.child == nil {
		s.t.Fatal("streamtest: the embedded server has no process: see Can.Processes")
	}
	return s.child
}

func (s *Server) running(what string) *child {
	s.t.Helper()
	c := s.real()
	if c.process == nil {
		s.t.Fatalf("streamtest: %s: Redis is not running", what)
	}
	return c
}

func (s *Server) signal(c *child, sig os.Signal) {
	s.t.Helper()
	if err := c.process.Signal(sig); err != nil {
		s.t.Fatalf("signalling Redis: %v", err)
	}
}

func (c *child) start(out *bytes.Buffer) error {
	cmd := exec.Command(c.program, c.args...)
	cmd.Stdout, cmd.Stderr = out, out
	p, err := process.Start(cmd)
	c.process = p
	return err
}

// await asks until the server answers.
func (c *child) await(ctx context.Context) error {
	client, err := dial(c.url)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		err := answers(ctx, client)
		if err == nil {
			return nil
		}
		select {
		case <-c.process.Done():
			return errors.Join(errors.New("it ended"), c.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("%w, at last: %w", ctx.Err(), err)
		case <-again.C:
		}
	}
}

// answers looks for a listener first: go-redis prints each connection that fails.
func answers(ctx context.Context, client *redis.Client) error {
	o := client.Options()
	conn, err := new(net.Dialer).DialContext(ctx, o.Network, o.Addr)
	if err != nil {
		return err
	}
	_ = conn.Close()
	return client.Ping(ctx).Err()
}

func (c *child) end() {
	if c.process != nil {
		c.process.Kill()
		c.process = nil
	}
}

// remove ends the server and takes its files away.
func (c *child) remove() {
	c.end()
	if c.own {
		_ = os.RemoveAll(c.dir)
	}
}
