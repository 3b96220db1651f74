package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errBroken = errors.New("broken")

// journal notes what happened, in order, from any goroutine.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) want(t *testing.T, lines ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !reflect.DeepEqual(j.lines, lines) {
		t.Errorf("it went\n\t%s\nwant\n\t%s", strings.Join(j.lines, ", "), strings.Join(lines, ", "))
	}
}

// part lives until it is stopped, and takes a second to end.
func (j *journal) part(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		j.note(name + " starts")
		<-ctx.Done()
		j.note(name + " is asked")
		time.Sleep(time.Second) //nolint:forbidigo // virtual time: the work of ending
		j.note(name + " ends")
		return ctx.Err()
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// run runs g in a bubble and hands over the channel with its result.
func run(ctx context.Context, g *Group) <-chan error {
	result := make(chan error, 1)
	go func() { result <- g.Run(ctx) }()
	synctest.Wait()
	return result
}

func TestStartsInOrderAndStopsInReverseOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: quiet()}
		for _, name := range []string{"redis", "worker", "gateway"} {
			run := j.part(name)
			g.AddReady(name, func(ctx context.Context, ready func()) error {
				time.AfterFunc(time.Minute, ready)
				return run(ctx)
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := run(ctx, &g)
		j.want(t, "redis starts")
		time.Sleep(10 * time.Minute) //nolint:forbidigo // virtual time
		j.want(t, "redis starts", "worker starts", "gateway starts")
		cancel()
		if err := <-result; err != nil {
			t.Errorf("a clean stop returned %v", err)
		}
		j.want(t, "redis starts", "worker starts", "gateway starts",
			"gateway is asked", "gateway ends", "worker is asked", "worker ends", "redis is asked", "redis ends")
	})
}

func TestAnActorThatFailsStopsTheOthersAndIsTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: quiet()}
		g.Add("redis", j.part("redis"))
		g.Add("worker", func(context.Context) error {
			time.Sleep(time.Hour) //nolint:forbidigo // virtual time
			return errBroken
		})
		g.Add("gateway", j.part("gateway"))
		err := g.Run(t.Context())
		if !errors.Is(err, errBroken) || err.Error() != "worker: broken" {
			t.Errorf("got %v, want worker: broken", err)
		}
		j.want(t, "redis starts", "gateway starts", "gateway is asked", "gateway ends", "redis is asked", "redis ends")
	})
}

func TestAnActorThatReturnsNilEndsTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: quiet()}
		g.Add("redis", j.part("redis"))
		g.Add("load", func(context.Context) error { return nil })
		if err := g.Run(t.Context()); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		j.want(t, "redis starts", "redis is asked", "redis ends")
	})
}

func TestErrorsAreTheResultInTheOrderOfTheirHappening(t *testing.T) {
	second := errors.New("could not settle")
	started := make(chan struct{})
	g := Group{Log: quiet()}
	g.Add("first", func(context.Context) error { <-started; return errBroken })
	g.Add("second", func(ctx context.Context) error {
		close(started)
		<-ctx.Done()
		return errors.Join(second, ctx.Err())
	})
	err := g.Run(t.Context())
	if !errors.Is(err, errBroken) || !errors.Is(err, second) {
		t.Fatalf("got %v, want both", err)
	}
	if want := "first: broken\nsecond: could not settle"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%q does not begin with %q", err, want)
	}
}

// A cancellation that is joined with a failure must not hide it.
func TestOnlyACancellationAloneIsACleanStop(t *testing.T) {
	wrapped := func(err error) error { return &wrapping{err} }
	for _, c := range []struct {
		err   error
		clean bool
	}{
		{context.Canceled, true},
		{wrapped(context.Canceled), true},
		{errors.Join(context.Canceled, wrapped(context.Canceled)), true},
		{errBroken, false},
		{context.DeadlineExceeded, false},
		{errors.Join(context.Canceled, errBroken), false},
		{wrapped(errors.Join(errBroken, context.Canceled)), false},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		g := Group{Log: quiet()}
		g.Add("part", func(ctx context.Context) error {
			cancel()
			<-ctx.Done()
			return c.err
		})
		if err := g.Run(ctx); (err == nil) != c.clean {
			t.Errorf("%q after it was asked to stop: result %v", c.err, err)
		}
	}
}

func TestNothingStartsOnceTheContextHasEnded(t *testing.T) {
	var j journal
	g := Group{Log: quiet()}
	g.Add("part", j.part("part"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Run(ctx); err != nil {
		t.Error(err)
	}
	j.want(t)
}

type wrapping struct{ err error }

func (w *wrapping) Error() string { return "wrapped: " + w.err.Error() }
func (w *wrapping) Unwrap() error { return w.err }

func TestCanceledBeforeItWasAskedIsAnError(t *testing.T) {
	g := Group{Log: quiet()}
	g.Add("part", func(context.Context) error { return context.Canceled })
	if err := g.Run(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want part: context canceled", err)
	}
}

func TestOnePartOverItsGraceIsGivenUpAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		var log strings.Builder
		g := Group{Log: slog.New(slog.NewTextHandler(&log, nil))}
		release := make(chan struct{})
		g.Add("redis", j.part("redis"))
		g.Add("stuck", func(context.Context) error { <-release; return errBroken })
		g.Add("slow", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(9 * time.Second) //nolint:forbidigo // virtual time
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		result := run(ctx, &g)
		cancel()
		asked := time.Now()
		err := <-result
		if !errors.Is(err, ErrGrace) || !strings.HasPrefix(err.Error(), "stuck: ") {
			t.Errorf("got %v, want stuck: %v", err, ErrGrace)
		}
		// Each part has its own grace: 9 s of slow, 10 s for stuck, 1 s of redis.
		if took := time.Since(asked); took != 20*time.Second {
			t.Errorf("stopping took %v, want 20s", took)
		}
		j.want(t, "redis starts", "redis is asked", "redis ends")
		if !strings.Contains(log.String(), "level=ERROR msg=\"did not stop in time, given up\" task=stuck grace=10s") {
			t.Errorf("the log does not say so:\n%s", log.String())
		}
		if s := g.Tasks()[1].State; s != GivenUp {
			t.Errorf("stuck is %q, want %q", s, GivenUp)
		}
		close(release)
		synctest.Wait()
		if s := g.Tasks()[1].State; s != Failed {
			t.Errorf("stuck is %q after it ended, want %q", s, Failed)
		}
	})
}

func TestAPanicIsAnErrorWithItsStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: quiet()}
		g.Add("redis", j.part("redis"))
		g.Add("worker", func(context.Context) error { panic(errBroken) })
		err := g.Run(t.Context())
		var p *Panic
		if !errors.As(err, &p) || !errors.Is(err, errBroken) {
			t.Fatalf("got %v, want a Panic of %v", err, errBroken)
		}
		if !strings.HasPrefix(err.Error(), "worker: panic: broken\n") || !strings.Contains(err.Error(), "group_test.go") {
			t.Errorf("%q does not show where", err)
		}
		j.want(t, "redis starts", "redis is asked", "redis ends")
	})
}

func TestAGoroutineThatExitsEndsTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Group{Log: quiet()}
		g.Add("part", func(context.Context) error { runtime.Goexit(); return nil })
		if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "Goexit") {
			t.Errorf("got %v, want an error that says how it ended", err)
		}
	})
}

func TestWhatIsNotReadyHoldsBackTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: quiet()}
		g.AddReady("redis", func(ctx context.Context, _ func()) error { return j.part("redis")(ctx) })
		g.Add("worker", j.part("worker"))
		ctx, cancel := context.WithCancel(t.Context())
		result := run(ctx, &g)
		if got := states(&g); !reflect.DeepEqual(got, []State{Starting, Waiting}) {
			t.Errorf("states %v", got)
		}
		cancel()
		if err := <-result; err != nil {
			t.Error(err)
		}
		j.want(t, "redis starts", "redis is asked", "redis ends")
	})
}

func TestAStartThatFailsStartsNothingAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: quiet()}
		g.Add("stats", j.part("stats"))
		g.AddReady("redis", func(context.Context, func()) error { return errBroken })
		g.Add("worker", j.part("worker"))
		if err := g.Run(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("got %v, want redis: broken", err)
		}
		j.want(t, "stats starts", "stats is asked", "stats ends")
	})
}

func TestTasksSayWhereEachIsAndSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: quiet()}
		g.Add("redis", j.part("redis"))
		g.AddReady("worker", func(ctx context.Context, ready func()) error {
			ready()
			ready() // again, which does nothing
			return j.part("worker")(ctx)
		})
		if got := states(&g); !reflect.DeepEqual(got, []State{Waiting, Waiting}) {
			t.Errorf("before: %v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := run(ctx, &g)
		if got := states(&g); !reflect.DeepEqual(got, []State{Running, Running}) {
			t.Errorf("running: %v", got)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // virtual time
		cancel()
		synctest.Wait()
		if got := g.Tasks(); got[0].State != Running || got[1].State != Stopping || !got[1].Since.Equal(time.Now()) {
			t.Errorf("stopping: %+v", got)
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
		if got := states(&g); !reflect.DeepEqual(got, []State{Done, Done}) {
			t.Errorf("after: %v", got)
		}
	})
}

func TestStoppingTwiceStopsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: quiet()}
		g.Add("redis", j.part("redis"))
		g.Add("worker", func(ctx context.Context) error { <-ctx.Done(); return errBroken }) // fails while the group stops
		ctx, cancel := context.WithCancel(t.Context())
		result := run(ctx, &g)
		cancel()
		cancel()
		if err := <-result; !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
		j.want(t, "redis starts", "redis is asked", "redis ends")
		if err := g.Run(t.Context()); err == nil {
			t.Error("a group ran twice")
		}
	})
}

func TestAddingToAGroupThatRunsPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Group{Log: quiet()}
		ctx, cancel := context.WithCancel(t.Context())
		result := run(ctx, &g)
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
			cancel()
			if err := <-result; err != nil {
				t.Errorf("an empty group: %v", err)
			}
		}()
		g.Add("late", nil)
	})
}

func TestActorsAreLabelledWithThePathOfTheirNames(t *testing.T) {
	type key struct{}
	var outer, inner, value any
	label := func(ctx context.Context) string { l, _ := pprof.Label(ctx, "task"); return l }
	g := Group{Log: quiet()}
	g.Add("up", func(ctx context.Context) error {
		outer, value = label(ctx), ctx.Value(key{})
		nested := Group{Log: quiet()}
		nested.Add("gateway", func(ctx context.Context) error { inner = label(ctx); return nil })
		return nested.Run(ctx)
	})
	if err := g.Run(context.WithValue(t.Context(), key{}, "kept")); err != nil {
		t.Fatal(err)
	}
	if outer != "up" || inner != "up/gateway" || value != "kept" {
		t.Errorf("labels %q and %q, value %v", outer, inner, value)
	}
}

func states(g *Group) (all []State) {
	for _, task := range g.Tasks() {
		all = append(all, task.State)
	}
	return all
}
