package proc

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// lines hands on what is written to it, line by line.
type lines struct {
	rest []byte
	to   func(line string)
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		l.to(string(line))
		l.rest = rest
	}
}

// readOut takes a line of standard output.
func (p *Process) readOut(line string) {
	p.mu.Lock()
	p.out = append(p.out, line)
	p.mu.Unlock()
	p.read(line)
}

// read takes a line of either output and notes where the process listens.
func (p *Process) read(line string) {
	var record struct{ Msg, What, Addr, Service string }
	isRecord := json.Unmarshal([]byte(line), &record) == nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, line)
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

// Says waits until a line of its output contains all of these.
func (p *Process) Says(texts ...string) {
	p.t.Helper()
	p.await("saying "+strings.Join(texts, ", "), func() bool {
		for _, line := range p.log {
			if containsAll(line, texts) {
				return true
			}
		}
		return false
	})
}

func containsAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

// await waits until ok, which is called with the lock held.
func (p *Process) await(what string, ok func() bool) {
	p.t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	ended := p.ended
	for {
		p.mu.Lock()
		done, changed := ok(), p.changed
		p.mu.Unlock()
		if done {
			return
		}
		if ended == nil {
			p.t.Fatalf("%s ended (%v) before %s", p.name, p.cmd.ProcessState, what)
		}
		select {
		case <-changed:
		case <-ended: // all that it said has been read by now: look once more
			ended = nil
		case <-late.C:
			p.t.Fatalf("%s: not within %v: %s", p.name, Patience, what)
		}
	}
}

// Log is all that it said so far, on both outputs.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

// Output is what it wrote to its standard output.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.out, "\n")
}
