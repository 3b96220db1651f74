package stack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"millrace.dev/services/e2e/proc"
)

// producer is who sends the events of a load.
type producer interface {
	Flood(ctx context.Context, events int, pause time.Duration)
	Flush(ctx context.Context)
	Acked() int
	Sent() []string
}

// Load is some producers at work.
type Load struct {
	// Senders or Sessions are those producers.
	Senders  []*Sender
	Sessions []*Session

	all   []producer
	stack *Stack
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

// Load lets as many senders work until Finish: frames of one to three events with a pause between them. Each takes
// one of the addresses.
func (s *Stack) Load(senders int, pause time.Duration, urls ...string) *Load {
	s.t.Helper()
	l := &Load{stack: s}
	for i := range senders {
		c := s.Sender(fmt.Sprintf("sender-%d", i), urls[i%len(urls)])
		l.Senders, l.all = append(l.Senders, c), append(l.all, c)
	}
	l.begin(pause)
	return l
}

// SessionLoad lets as many sessions work until Finish. Each goes round the addresses; its chances come from seed.
func (s *Stack) SessionLoad(sessions int, pause time.Duration, seed uint64, urls ...string) *Load {
	s.t.Helper()
	l := &Load{stack: s}
	for i := range sessions {
		c := s.Session(fmt.Sprintf("session-%d", i), seed+uint64(i), urls...)
		l.Sessions, l.all = append(l.Sessions, c), append(l.all, c)
	}
	l.begin(pause)
	return l
}

// begin lets everybody work.
func (l *Load) begin(pause time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	for i, c := range l.all {
		l.wg.Go(func() { c.Flood(ctx, 1+i%3, pause) })
	}
	l.stack.t.Cleanup(l.halt)
}

func (l *Load) halt() {
	l.stop()
	l.wg.Wait()
}

// Acked is how many events of all producers are acknowledged by now.
func (l *Load) Acked() int {
	n := 0
	for _, c := range l.all {
		n += c.Acked()
	}
	return n
}

// AwaitAcked waits until that many more events are acknowledged.
func (l *Load) AwaitAcked(more int) {
	l.stack.t.Helper()
	want := l.Acked() + more
	Await(l.stack.t, fmt.Sprintf("%d more events are acknowledged", more), func() (int, bool) {
		n := l.Acked()
		return n, n >= want
	})
}

// Finish sends no more, waits until everything is acknowledged, and returns the ids of all that must be
// stored.
func (l *Load) Finish() []string {
	l.stack.t.Helper()
	l.halt()
	ctx, cancel := context.WithTimeout(l.stack.t.Context(), proc.Patience)
	defer cancel()
	var ids []string
	for _, c := range l.all {
		c.Flush(ctx)
		ids = append(ids, c.Sent()...)
	}
	return ids
}
