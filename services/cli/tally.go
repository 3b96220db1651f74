package cli

import (
	"fmt"
	"io"
	"sync"
)

// tally counts lines on their way: read, decided by the gateway, and refused by it or before.
type tally struct {
	mu                              sync.Mutex
	lines, skipped, decided, spoilt uint64
	out                             io.Writer
}

// shownRefusals is how many refused lines are shown; the rest are only counted.
const shownRefusals = 10

func (t *tally) line() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines++
}

// skip reports a line that was not sent.
func (t *tally) skip(line int, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.skipped++
	t.show(fmt.Sprintf("line %d", line), why)
}

// refuse reports an event that the gateway refused.
func (t *tally) refuse(what string, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spoilt++
	t.show(what, why)
}

func (t *tally) show(what string, why error) {
	if t.skipped+t.spoilt <= shownRefusals {
		fmt.Fprintf(t.out, "%s refused: %v\n", what, why)
	}
}

// decide counts events that are durable or refused.
func (t *tally) decide(events int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.decided += uint64(events)
}

// stored is how many events are durable.
func (t *tally) stored() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.decided - t.spoilt
}

// String is the progress, and at the end the result.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("lines %d  acknowledged %d  refused %d", t.lines, t.decided-min(t.spoilt, t.decided), t.skipped+t.spoilt)
}

// verdict is an error if something was refused.
func (t *tally) verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.skipped + t.spoilt; n > 0 {
		return fmt.Errorf("%d of %d lines were refused", n, t.lines)
	}
	return nil
}
