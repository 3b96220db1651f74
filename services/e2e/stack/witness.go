package stack

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/stream/consume"
)

// Witness is a pipeline of its own, in the test's process, whose handler notes each event that it gets.
type Witness struct {
	t  testing.TB
	mu sync.Mutex
	// seen counts how often each id came, wrong what did not come as it was sent.
	seen  map[string]int
	wrong []string
}

// Witness starts a witness; it ends with the test.
func (s *Stack) Witness() *Witness {
	s.t.Helper()
	w := &Witness{t: s.t, seen: map[string]int{}}
	s.Pipeline("witness", w.handle)
	return w
}

// Pipeline runs a pipeline of that name in the test's own process; it ends with the test.
func (s *Stack) Pipeline(name string, h consume.Handler) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	source := s.Stream()
	config := consume.Config{Pipeline: name, Instance: name, Lease: 2 * time.Second, Drain: 2 * time.Second}
	go func() { ended <- consume.Run(ctx, source, config, h) }()
	s.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			s.t.Errorf("the pipeline %s: %v", name, err)
		}
	})
}

func (w *Witness) handle(_ context.Context, batch []consume.Delivery) []consume.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range batch {
		e := &batch[i]
		w.seen[e.ID]++
		if _, n, ok := parseID(e.ID); ok && (e.Type != Type(n) || string(e.Data) != Data(n)) {
			w.wrong = append(w.wrong, fmt.Sprintf("%s of type %s with data %s", e.ID, e.Type, e.Data))
		}
	}
	return nil
}

// Seen is how often each id came.
func (w *Witness) Seen() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.seen)
}

// Exactly waits until as many ids came, and checks that it was these, each once and as it was sent.
func (w *Witness) Exactly(ids []string) {
	w.t.Helper()
	w.await(ids)
	SameIDs(w.t, "witnessed", ids, w.Seen())
}

// AtLeast waits until as many ids came, and checks that it was these, some of them perhaps more than once: a handler
// may get an event again whose settlement was cut off.
func (w *Witness) AtLeast(ids []string) {
	w.t.Helper()
	w.await(ids)
	once := map[string]int{}
	for id := range w.Seen() {
		once[id] = 1
	}
	SameIDs(w.t, "witnessed", ids, once)
}

func (w *Witness) await(ids []string) {
	w.t.Helper()
	Await(w.t, fmt.Sprintf("the witness has seen %d events", len(ids)), func() (int, bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.seen), len(w.seen) >= len(ids)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) > 0 {
		w.t.Errorf("%d events came to the witness otherwise than they were sent, as %s", len(w.wrong), w.wrong[0])
	}
}
