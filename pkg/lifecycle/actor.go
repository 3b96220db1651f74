package lifecycle

import (
	"context"
	"fmt"
	"runtime/pprof"
	"time"
)

// actor is one part of a group. What changes is guarded by the group's mutex.
type actor struct {
	name   string
	run    func(ctx context.Context, ready func()) error
	state  State
	since  time.Time
	cancel context.CancelFunc
	ready  chan struct{} // closed when the next may start
	done   chan struct{} // closed when run has returned
}

func newActor(name string, run func(ctx context.Context, ready func()) error) *actor {
	return &actor{
		name: name, run: run,
		state: Waiting, since: time.Now(),
		ready: make(chan struct{}), done: make(chan struct{}),
	}
}

// start gives a its goroutine, which stop ends and waits for.
func (g *Group) start(alive context.Context, a *actor) {
	ctx, cancel := context.WithCancel(alive)
	g.enter(a, Starting, func() { a.cancel = cancel })
	g.log().Debug("starting", "task", a.name)
	go func() {
		defer close(a.done)
		defer cancel()
		err := errExited
		defer func() { g.leave(a, err) }()
		err = labelled(ctx, a.name, func(ctx context.Context) error {
			return guarded(ctx, a.run, func() { g.markReady(a) })
		})
	}()
}

func (g *Group) markReady(a *actor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-a.ready:
		return
	default:
		close(a.ready)
	}
	if a.state == Starting {
		a.state, a.since = Running, time.Now()
	}
}

// leave notes that a has returned, and tells the group if that was its own doing.
func (g *Group) leave(a *actor, err error) {
	if asked := g.settle(a, err); !asked {
		g.log().Info("ended by itself, stopping the others", "task", a.name, "failed", err != nil)
	}
}

// settle enters a's last state and keeps its error, unless that is only how a part says that it was asked to stop.
func (g *Group) settle(a *actor, err error) (asked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked = a.state == Stopping || a.state == GivenUp
	if asked && onlyCanceled(err) {
		err = nil
	}
	a.state, a.since = Done, time.Now()
	if err != nil {
		a.state = Failed
		g.faults = append(g.faults, fmt.Errorf("%s: %w", a.name, err))
	}
	select {
	case <-g.ended:
	default:
		close(g.ended)
	}
	return asked
}

// stop asks a to end and waits for it, as long as its grace lasts.
func (g *Group) stop(a *actor) {
	asked := time.Now()
	g.enter(a, Stopping, nil)
	a.cancel()
	timer := time.NewTimer(g.grace())
	defer timer.Stop()
	select {
	case <-a.done:
		g.log().Debug("stopped", "task", a.name, "took", time.Since(asked))
	case <-timer.C:
		g.giveUp(a)
	}
}

// giveUp leaves a's goroutine behind: nothing can end it from outside, and the others must still stop.
func (g *Group) giveUp(a *actor) {
	g.enter(a, GivenUp, func() {
		g.faults = append(g.faults, fmt.Errorf("%s: %w (%v)", a.name, ErrGrace, g.grace()))
	})
	g.log().Error("did not stop in time, given up", "task", a.name, "grace", g.grace())
}

// enter changes a's state, unless it has ended; then also happens, if it did.
func (g *Group) enter(a *actor, s State, also func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.state == Done || a.state == Failed {
		return
	}
	a.state, a.since = s, time.Now()
	if also != nil {
		also()
	}
}

// labelled runs f under the pprof label task. In a group inside another's actor the label is a path: up/gateway.
func labelled(ctx context.Context, name string, f func(context.Context) error) (err error) {
	if outer, ok := pprof.Label(ctx, "task"); ok {
		name = outer + "/" + name
	}
	pprof.Do(ctx, pprof.Labels("task", name), func(ctx context.Context) { err = f(ctx) })
	return err
}
