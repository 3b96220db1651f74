package cli

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"millrace.dev/pkg/client"
)

// tally counts lines on their way: read, decided by the gateway, and refused by it or before.
type tally struct {
	mu                              sync.Mutex
	lines, skipped, decided, spoilt uint64
	losses                          []client.Loss
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

func (t *tally) show(what string, why error) {
	if t.skipped+t.spoilt <= shownRefusals {
		fmt.Fprintf(t.out, "%s refused: %v\n", what, why)
	}
}

// decide counts the events of a frame that are durable or refused. Those that a session ended before are neither.
func (t *tally) decide(f client.Frame, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	refused, _ := errors.AsType[client.Refusals](err)
	if err != nil && refused == nil {
		return
	}
	t.decided += uint64(f.Events)
	for _, r := range refused {
		t.spoilt++
		t.show(fmt.Sprintf("event %d", r.Number), fmt.Errorf("%s: %s", r.Code, r.Message))
	}
}

// lose keeps that what was known of the session is lost, for the end.
func (t *tally) lose(l client.Loss) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.losses = append(t.losses, l)
}

// showLosses says of which session knowledge was lost.
func (t *tally) showLosses() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.losses {
		fmt.Fprintln(t.out, l)
	}
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
