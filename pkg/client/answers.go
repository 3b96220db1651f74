package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// answers gathers the outcomes of one Send.
type answers struct {
	mu       sync.Mutex
	open     int
	refusals Refusals
	ended    error
	done     chan struct{}
}

func newAnswers(n int) *answers {
	a := &answers{open: n, done: make(chan struct{})}
	if n == 0 {
		close(a.done)
	}
	return a
}

// of is the callback of the event with that index.
func (a *answers) of(index int) func(error) {
	return func(err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if r, ok := errors.AsType[*Refusal](err); ok {
			refusal := *r
			refusal.Index = index
			a.refusals = append(a.refusals, refusal)
		} else if err != nil {
			a.ended = err
		}
		if a.open--; a.open == 0 {
			close(a.done)
		}
	}
}

// wait is the outcome of all, or that ctx ended first.
func (a *answers) wait(ctx context.Context) error {
	select {
	case <-a.done:
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	ended := a.ended
	if a.open > 0 {
		ended = fmt.Errorf("%d events are not decided yet: %w", a.open, ctx.Err())
	}
	switch {
	case len(a.refusals) == 0:
		return ended
	case ended == nil:
		return a.refusals
	}
	return errors.Join(slices.Clone(a.refusals), ended) // more may still be added to them
}
