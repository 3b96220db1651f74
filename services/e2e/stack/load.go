package stack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"millrace.dev/services/e2e/proc"
)

// Load is some senders at work.
type Load struct {
	Senders []*Sender

	stack *Stack
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

// Load lets as many senders work until Finish: frames of one to three events with a pause between them. Each takes
// one of the addresses.
func (s *Stack) Load(senders int, pause time.Duration, urls ...string) *Load {
	s.t.Helper()
	l := &Load{stack: s}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	for i := range senders {
		c := s.Sender(fmt.Sprintf("sender-%d", i), urls[i%len(urls)])
		l.Senders = append(l.Senders, c)
		l.wg.Go(func() { c.Flood(ctx, 1+i%3, pause) })
	}
	s.t.Cleanup(l.halt)
	return l
}

func (l *Load) halt() {
	l.stop()
	l.wg.Wait()
}

// Acked is how many events of all senders are acknowledged by now.
func (l *Load) Acked() int {
	n := 0
	for _, c := range l.Senders {
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

// Finish sends no more, waits until everything is acknowledged, and returns the ids of all that was sent.
func (l *Load) Finish() []string {
	l.stack.t.Helper()
	l.halt()
	ctx, cancel := context.WithTimeout(l.stack.t.Context(), proc.Patience)
	defer cancel()
	var ids []string
	for _, c := range l.Senders {
		c.Flush(ctx)
		ids = append(ids, c.Sent()...)
	}
	return ids
}
