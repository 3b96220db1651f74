package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/survey"
)

// pipeline is Redis, gateway, worker and stats, each a process.
type pipeline struct {
	dir     string
	socket  string
	http    string
	stream  *stream.Stream
	members []*member
}

// member is one of those processes.
type member struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// startTimeout bounds the start of each process.
const startTimeout = 20 * time.Second

func startPipeline(ctx context.Context, bin, policy string) (*pipeline, error) {
	dir, err := os.MkdirTemp("", "millrace-bench")
	if err != nil {
		return nil, err
	}
	p := &pipeline{dir: dir, socket: filepath.Join(dir, "redis.sock")}
	if err := p.start(ctx, bin, policy); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *pipeline) start(ctx context.Context, bin, policy string) error {
	// A rewrite of the file would fall into one run and not into another.
	aof := []string{"--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0"}
	if policy == "no" {
		aof = []string{"--appendonly", "no"}
	}
	redis := exec.Command("redis-server", append([]string{"--port", "0", "--unixsocket", p.socket, "--dir", p.dir,
		"--save", "", "--maxmemory", "8gb", "--maxmemory-policy", "noeviction"}, aof...)...)
	if _, err := p.add("redis", redis, io.Discard); err != nil {
		return err
	}
	if err := p.open(ctx); err != nil {
		return err
	}
	grpc, err := p.service(bin, "stats", "grpc", "--grpc-addr=127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := p.service(bin, "worker", "http", "--stats-addr="+grpc); err != nil {
		return err
	}
	// Ten thousand idle sessions would begin at the rate of that limit.
	p.http, err = p.service(bin, "gateway", "http", "--http-addr=127.0.0.1:0", "--stats-addr="+grpc, "--limit-sessions-per-credential=0")
	if err != nil {
		return err
	}
	return p.await(ctx, "gateway and worker to be ready", func(s survey.Survey) bool {
		return len(s.Leases) > 0 && p.get(ctx, "/health/ready") == nil
	})
}

// get asks the gateway and returns an error unless it answers 200.
func (p *pipeline) get(ctx context.Context, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.http+path, nil)
	if err != nil {
		return err
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, w.Status)
	}
	return nil
}

// open connects to Redis as soon as it is there, to read the ledger.
func (p *pipeline) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if c, err := net.Dial("unix", p.socket); err == nil {
			c.Close()
			break
		}
		if err := stream.Sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for redis-server: %w", err)
		}
	}
	s, err := stream.Open(ctx, stream.Config{URL: "unix://" + p.socket, PoolMax: 4, Timeout: 10 * time.Second})
	p.stream = s
	return err
}

// service starts one of ours and returns the address that it listens at.
func (p *pipeline) service(bin, name, what string, args ...string) (string, error) {
	r, w := io.Pipe()
	cmd := exec.Command(filepath.Join(bin, name), args...)
	cmd.Env = append(os.Environ(), "REDIS_URL=unix://"+p.socket, "MILLRACE_LOG_LEVEL=info")
	m, err := p.add(name, cmd, w)
	if err != nil {
		return "", err
	}
	addr := make(chan string, 1)
	go listeningAt(r, what, addr)
	select {
	case a := <-addr:
		return a, nil
	case <-m.done:
		return "", fmt.Errorf("%s ended", name)
	case <-time.After(startTimeout):
		return "", fmt.Errorf("%s does not listen within %v", name, startTimeout)
	}
}

// listeningAt reads a service's log to its end, shows what is not information, and finds the address.
func listeningAt(log io.Reader, what string, addr chan<- string) {
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var r struct{ Level, Msg, What, Addr string }
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Msg == "listening" && r.What == what {
			addr <- r.Addr
		}
		if r.Level != "INFO" && r.Level != "DEBUG" && !strings.Contains(lines.Text(), "slow") {
			fmt.Fprintln(os.Stderr, lines.Text())
		}
	}
}

func (p *pipeline) add(name string, cmd *exec.Cmd, log io.Writer) (*member, error) {
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	m := &member{name: name, cmd: cmd, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(m.done) }()
	p.members = append(p.members, m)
	return m, nil
}

// stop ends all, Redis last, and removes what they have written.
func (p *pipeline) stop() {
	for _, m := range slices.Backward(p.members) {
		_ = m.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-m.done:
		case <-time.After(15 * time.Second):
			_ = m.cmd.Process.Kill()
			<-m.done
		}
	}
	if p.stream != nil {
		p.stream.Close()
	}
	_ = os.RemoveAll(p.dir)
}

// await polls the survey until ok.
func (p *pipeline) await(ctx context.Context, what string, ok func(survey.Survey) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		s, err := survey.Take(ctx, p.stream)
		if err == nil && ok(s) {
			return nil
		}
		if sleepErr := stream.Sleep(ctx, 5*time.Millisecond); sleepErr != nil {
			return errors.Join(fmt.Errorf("waiting for %s: %w", what, sleepErr), err)
		}
	}
}
