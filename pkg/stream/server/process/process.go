// Package process starts a program that ends with this one, whatever ends this one.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Process is a program that was started.
type Process struct {
	handle *os.Process
	done   chan struct{}
	err    error // set before done is closed
}

// Start starts cmd in a process group of its own (an interrupt from the terminal is for us, who stop it in its turn),
// so that the kernel kills it when this process dies. Whoever starts it ends it, by Signal or Kill, and waits for
// Done.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{done: make(chan struct{})}
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = time.Second // what the program itself started may hold its output open after it
	started := make(chan error, 1)
	go p.live(cmd, started) // ends with the program
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return p, nil
}

// live keeps its thread: Linux takes the death of the thread that forked for the death of the parent.
func (p *Process) live(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.handle = cmd.Process
	started <- nil
	p.err = cmd.Wait()
	close(p.done)
}

// PID is the number of the process.
func (p *Process) PID() int { return p.handle.Pid }

// Done is closed when the program has ended and its output was read to the end.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the program ended; nil when with exit code 0. It waits for the end.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Signal sends s, unless the program has ended: its number may belong to another one by then.
func (p *Process) Signal(s os.Signal) error {
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
		return p.handle.Signal(s)
	}
}

// Kill ends the program at once, also one that is stopped, and waits.
func (p *Process) Kill() {
	_ = p.Signal(os.Kill) // fails only when there is nothing left to kill
	<-p.done
}
