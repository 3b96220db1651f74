package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// DefaultGrace is how long a part may take to stop when Group.Grace is not set.
const DefaultGrace = 10 * time.Second

// ErrGrace is in the result of Run when a part did not end within its grace and was given up.
var ErrGrace = errors.New("did not stop in time")

// Group is a set of actors that live and end together. The zero Group is ready to use; it runs once.
type Group struct {
	// Grace is how long each actor may take to end once it is asked to, one after another. Zero: DefaultGrace.
	Grace time.Duration
	// Log gets a line when an actor ends by itself or is given up, and debug lines about the rest. Nil: slog's
	// default.
	Log *slog.Logger

	mu      sync.Mutex
	actors  []*actor
	running bool
	ended   chan struct{} // closed when the first actor has returned
	faults  []error       // in the order of their happening
}

// Add appends an actor. Its run lives until ctx is cancelled and then returns, having ended all it started. An
// error of it ends the group and is the group's result; context.Canceled after it was asked to stop is none. If
// run returns nil before it was asked to stop, that ends the group too, without an error: wait for ctx in an
// actor that has nothing left to do. Add panics once the group runs.
func (g *Group) Add(name string, run func(ctx context.Context) error) {
	g.AddReady(name, func(ctx context.Context, ready func()) error {
		ready()
		return run(ctx)
	})
}

// AddReady appends an actor like Add; what was added after it starts only when it has called ready. Calls after
// the first do nothing.
func (g *Group) AddReady(name string, run func(ctx context.Context, ready func()) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running {
		panic("lifecycle: actor " + name + " added to a group that runs")
	}
	g.actors = append(g.actors, newActor(name, run))
}

// Run starts the actors in the order of Add and waits until ctx ends or one of them returns. Then it stops them in
// the reverse order, waiting for each, and returns what went wrong, first things first: nil if ctx ended and all
// parts stopped cleanly. A group runs once; another Run returns an error.
func (g *Group) Run(ctx context.Context) error {
	if err := g.begin(); err != nil {
		return err
	}
	// The end of ctx must not reach the actors: they are cancelled one by one. Its values do.
	alive := context.WithoutCancel(ctx)
	started := 0
	for _, a := range g.actors {
		if !g.goesOn(ctx) {
			break
		}
		g.start(alive, a)
		started++
		g.wait(ctx, a.ready)
	}
	g.wait(ctx, nil)
	for _, a := range slices.Backward(g.actors[:started]) {
		g.stop(a)
	}
	return g.result()
}

func (g *Group) begin() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running {
		return errors.New("lifecycle: a group runs once")
	}
	g.running = true
	g.ended = make(chan struct{})
	return nil
}

// wait returns when ctx has ended, an actor has, or more can be started.
func (g *Group) wait(ctx context.Context, more <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-g.ended:
	case <-more:
	}
}

func (g *Group) goesOn(ctx context.Context) bool {
	select {
	case <-g.ended:
		return false
	default:
		return ctx.Err() == nil
	}
}

func (g *Group) grace() time.Duration {
	if g.Grace > 0 {
		return g.Grace
	}
	return DefaultGrace
}

func (g *Group) log() *slog.Logger {
	if g.Log != nil {
		return g.Log
	}
	return slog.Default()
}

func (g *Group) result() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.faults) == 1 {
		return g.faults[0]
	}
	return errors.Join(g.faults...)
}
