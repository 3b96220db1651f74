package proc

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should take milliseconds, on a machine that is busy with others.
const patience = 60 * time.Second

// Process is one running binary.
type Process struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd

	mu      sync.Mutex
	lines   []string
	listens map[string]string // what -> address
	changed chan struct{}
	ended   chan struct{}
	err     error
}

// Start runs a binary until the test ends, or is told otherwise. Its log is shown if the test fails.
func Start(t testing.TB, race Race, name string, env []string, args ...string) *Process {
	t.Helper()
	cmd := exec.Command(filepath.Join(Binaries(t, race), name), args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, name: name, cmd: cmd, listens: map[string]string{}, changed: make(chan struct{}), ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go p.follow(stderr)
	t.Cleanup(p.cleanup)
	return p
}

// follow reads the log to its end and then waits for the process.
func (p *Process) follow(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.read(lines.Text())
	}
	err := p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.ended)
}

func (p *Process) read(line string) {
	var record struct{ Msg, What, Addr, Service string }
	isRecord := json.Unmarshal([]byte(line), &record) == nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	if isRecord && record.Msg == "listening" {
		p.listens[record.What] = record.Addr
		p.listens[record.Service+"/"+record.What] = record.Addr
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// Addr waits until the process listens and returns its address: what is http or grpc, or service/what where one
// process has several.
func (p *Process) Addr(what string) string {
	p.t.Helper()
	var addr string
	p.await("listening for "+what, func() bool { addr = p.listens[what]; return addr != "" })
	return addr
}

// Says waits until the log has a line that contains text.
func (p *Process) Says(text string) {
	p.t.Helper()
	p.await(text, func() bool {
		for _, line := range p.lines {
			if strings.Contains(line, text) {
				return true
			}
		}
		return false
	})
}

func (p *Process) await(what string, ok func() bool) {
	p.t.Helper()
	late := time.After(patience)
	for {
		p.mu.Lock()
		done, changed := ok(), p.changed
		p.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-p.ended:
			p.t.Fatalf("%s ended (%v) before: %s", p.name, p.err, what)
		case <-late:
			p.t.Fatalf("%s: not within %v: %s", p.name, patience, what)
		}
	}
}

// Pid of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill is kill -9: nothing can be finished or said.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// Pause stops it as it stands; Resume lets it go on.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Stop asks it to end and waits; it returns its exit code.
func (p *Process) Stop() int {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.Wait()
}

// Wait returns the exit code.
func (p *Process) Wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.signal(syscall.SIGABRT) // its goroutines go to the log
		<-p.ended
		p.t.Errorf("%s did not end within %v", p.name, patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Log is all that it said so far.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

func (p *Process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signalling %s: %v", p.name, err)
	}
}

// cleanup ends the process, and fails the test if it had a data race or panicked.
func (p *Process) cleanup() {
	select {
	case <-p.ended:
	default:
		p.Resume()
		p.Stop()
	}
	log := p.Log()
	for _, sign := range []string{"WARNING: DATA RACE", "panic:", `"panic"`, "fatal error:"} {
		if strings.Contains(log, sign) {
			p.t.Errorf("%s: %q is in its log", p.name, sign)
		}
	}
	if p.t.Failed() {
		p.t.Logf("log of %s:\n%s", p.name, tail(log, 20_000))
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }
