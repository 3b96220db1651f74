package proc

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for what should take milliseconds, on a machine that is busy with others.
const Patience = 60 * time.Second

// Process is one running binary. Its methods are for the test's own goroutine.
type Process struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd

	mu      sync.Mutex
	log     []string // both outputs, by line
	out     []string // standard output alone
	listens map[string]string
	changed chan struct{}

	ended   chan struct{}
	awaited bool // the test knows that it ended, or will
}

// Start runs a binary until the test ends, or is told otherwise. A process that ends unasked, ends with another code
// than 0 at the end of the test, has a data race or panics fails the test, and then its log is shown. env is added to
// the test's own environment, from which all settings of Millrace are taken out.
func Start(t testing.TB, name string, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{
		t: t, name: name, cmd: exec.Command(Binary(t, name), args...),
		listens: map[string]string{}, changed: make(chan struct{}), ended: make(chan struct{}),
	}
	p.cmd.Env = append(environment(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &lines{to: p.readOut}, &lines{to: p.read}
	p.cmd.WaitDelay = 10 * time.Second // for what a child that outlives it would hold open
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // its code is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(p.cleanup)
	return p
}

// environment is the test's own without what would change a setting.
func environment() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "MILLRACE_") && !strings.HasPrefix(pair, "REDIS_URL=") {
			env = append(env, pair)
		}
	}
	return append(env, "GOTRACEBACK=all")
}

// Pid of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill is kill -9: nothing can be finished or said.
func (p *Process) Kill() {
	p.awaited = true
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Pause stops it as it stands; Resume lets it go on.
func (p *Process) Pause() { p.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() { p.Signal(syscall.SIGCONT) }

// Stop asks it to end and waits; it returns its exit code.
func (p *Process) Stop() int {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	return p.Wait()
}

// Wait waits for its end and returns the exit code; -1: a signal ended it.
func (p *Process) Wait() int {
	p.t.Helper()
	p.awaited = true
	late := time.NewTimer(Patience)
	defer late.Stop()
	select {
	case <-p.ended:
	case <-late.C:
		p.Signal(syscall.SIGABRT) // its goroutines go to the log
		<-p.ended
		p.t.Errorf("%s did not end within %v", p.name, Patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Signal sends a signal; one that has ended already gets none.
func (p *Process) Signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signalling %s: %v", p.name, err)
	}
}

// cleanup ends the process and judges it.
func (p *Process) cleanup() {
	if !p.awaited {
		p.end()
	}
	log := p.Log()
	for _, sign := range []string{"WARNING: DATA RACE", "panic: ", `"panic":`, "fatal error: "} {
		if strings.Contains(log, sign) {
			p.t.Errorf("%s: %q is in its log", p.name, sign)
		}
	}
	if p.t.Failed() {
		p.t.Logf("log of %s:\n%s", p.name, log[max(0, len(log)-20_000):])
	}
}

func (p *Process) end() {
	select {
	case <-p.ended:
		p.t.Errorf("%s ended by itself: %v", p.name, p.cmd.ProcessState)
		return
	default:
	}
	p.Resume()
	if code := p.Stop(); code != 0 {
		p.t.Errorf("%s ended with code %d", p.name, code)
	}
}
