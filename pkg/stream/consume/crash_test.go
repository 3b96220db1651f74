package consume

import (
	"context"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

// losing lets commands through and loses some of their replies: the caller never learns that they were carried out.
type losing struct {
	script string // sha1 of the script whose replies are lost
	every  int64
	calls  atomic.Int64
	lost   atomic.Int64
}

func (h *losing) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h *losing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return next(ctx, cmd) }
}

func (h *losing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if err != nil || !slices.ContainsFunc(cmds, h.concerns) || h.calls.Add(1)%h.every == 0 {
			return err
		}
		h.lost.Add(1)
		for _, c := range cmds {
			c.SetErr(io.ErrUnexpectedEOF)
		}
		return io.ErrUnexpectedEOF
	}
}

func (h *losing) concerns(c redis.Cmder) bool {
	return strings.EqualFold(c.Name(), "evalsha") && c.Args()[1] == h.script
}

func testLostReplies(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	h := &losing{script: settleScript.Hash(), every: 3} // two of three are lost
	s.Redis().AddHook(h)
	in := sent{}
	fill(t, s, in, 60, 10)
	c := quick()
	c.Metrics = new(Metrics)
	got := newSeen()
	start(t, s, c, counting(got)).wait(t, func() bool { return account(t, s, pipeline).Pipelines[pipeline].Pending() == 0 })
	settledAll(t, s, pipeline, time.Second)
	once(t, in, got)
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
	if h.lost.Load() == 0 {
		t.Error("no reply was lost")
	}
	if n := c.Metrics.Processed.Load(); n != uint64(len(in)) {
		t.Errorf("the worker says that it processed %d of %d", n, len(in))
	}
	if n := c.Metrics.Lost.Load(); n != 0 {
		t.Errorf("%d entries that the lost calls settled are taken for others'", n)
	}
}

// victim is a worker that has entries in its hands when it dies: its handler hangs and its connections are cut.
type victim struct {
	stream *stream.Stream
	begun  chan struct{} // has a token for each batch that was given to it
	hold   chan struct{}
	ended  chan error
}

func startVictim(t *testing.T, srv *streamtest.Server, partitions int, c Config) *victim {
	v := &victim{stream: open(t, srv, partitions), begun: make(chan struct{}, 1000), hold: make(chan struct{}), ended: make(chan error, 1)}
	c.Drain = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		v.ended <- Run(ctx, v.stream, c, func(context.Context, []Delivery) []Result {
			v.begun <- struct{}{}
			<-v.hold
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		close(v.hold)
		t.Log("the victim:", <-v.ended)
	})
	return v
}

// kill: from now on Redis hears nothing of it.
func (v *victim) kill() { _ = v.stream.Close() }

func testDeath(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 40, 10)
	c := quick()
	few := c
	few.BatchEvents, few.MinHandlers, few.MaxHandlers = 10, 1, 1 // it takes a part only
	v := startVictim(t, srv, 2, few)
	<-v.begun
	got := newSeen()
	c.Metrics = new(Metrics)
	heir := start(t, s, c, counting(got))
	eventually(t, 10*time.Second, "all but the victim's is settled", func() bool {
		a := account(t, s, pipeline).Pipelines[pipeline]
		return a.Unread == 0 && a.Processed > 0
	})
	v.kill()
	died := time.Now()
	settledAll(t, s, pipeline, 10*time.Second)
	if took := time.Since(died); took > 2*c.Lease+time.Second { // a second for a busy machine
		t.Errorf("it took %v to take over, more than twice the lease of %v", took, c.Lease)
	}
	heir.end(t)
	once(t, in, got)
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
	if c.Metrics.TakenOver.Load() == 0 {
		t.Error("nothing was counted as taken over")
	}
}

func testSlow(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 1, 1)
	c := quick()
	slow := newSeen()
	begun, hold := make(chan struct{}), make(chan struct{})
	start(t, s, c, func(ctx context.Context, batch []Delivery) []Result {
		close(begun)
		<-hold
		return counting(slow)(ctx, batch)
	})
	<-begun
	c.Metrics = new(Metrics)
	other := start(t, open(t, srv, 1), c, counting(slow))
	_ = stream.Sleep(t.Context(), 3*c.Lease) // what must not happen has this time to happen
	close(hold)
	settledAll(t, s, pipeline, 5*time.Second)
	other.end(t)
	once(t, in, slow)
	if n := c.Metrics.TakenOver.Load(); n != 0 {
		t.Errorf("%d entries of a slow worker were taken over", n)
	}
}

func testLapse(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 30, 10)
	c := quick()
	c.Metrics, c.BatchEvents = new(Metrics), 10
	got := newSeen()
	hold := make(chan struct{})
	w := start(t, s, c, func(ctx context.Context, batch []Delivery) []Result {
		<-hold
		return counting(got)(ctx, batch)
	})
	eventually(t, 5*time.Second, "entries are in its hands", func() bool {
		return account(t, s, pipeline).Pipelines[pipeline].Working > 0
	})
	for _, key := range s.Redis().Keys(t.Context(), stream.KeysOf(0).Lease("*")).Val() {
		s.Redis().Del(t.Context(), key)
	}
	eventually(t, 5*time.Second, "it has another name", func() bool { return c.Metrics.Renamed.Load() == 1 })
	close(hold)
	settledAll(t, s, pipeline, 10*time.Second)
	fill(t, s, in, 10, 10)
	settledAll(t, s, pipeline, 10*time.Second)
	w.end(t)
	once(t, in, got)
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
	if n := c.Metrics.Lost.Load(); n != 0 {
		t.Errorf("%d of its entries got lost to it", n)
	}
}

func testDrain(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 5, 5)
	got := newSeen()
	begun, hold := make(chan struct{}, 100), make(chan struct{})
	w := start(t, s, quick(), func(ctx context.Context, batch []Delivery) []Result {
		begun <- struct{}{}
		<-hold
		if ctx.Err() != nil {
			t.Error("the handler's context ended before its time")
		}
		return counting(got)(ctx, batch)
	})
	<-begun
	w.stop()
	close(hold)
	w.end(t)
	a := account(t, s, pipeline).Pipelines[pipeline]
	if a.Working != 0 || a.Processed == 0 {
		t.Errorf("what was in its hands is not settled: %+v", a)
	}
	if n := consumers(t, s); n != 0 {
		t.Errorf("%d consumers are left", n)
	}
}

func testDrainTooLong(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 1)
	in := sent{}
	fill(t, s, in, 5, 5)
	c := quick()
	c.Lease, c.Drain = time.Minute, 100*time.Millisecond // nobody waits for a lease here
	begun := make(chan struct{}, 100)
	w := start(t, s, c, func(ctx context.Context, _ []Delivery) []Result {
		begun <- struct{}{}
		<-ctx.Done()
		return nil
	})
	<-begun
	w.end(t)
	left := account(t, s, pipeline).Pipelines[pipeline]
	if left.Working == 0 || left.Processed != 0 {
		t.Errorf("a handler that was interrupted settled something: %+v", left)
	}
	c.Lease = 2 * time.Second
	got := newSeen()
	start(t, s, c, counting(got))
	began := time.Now()
	settledAll(t, s, pipeline, 10*time.Second)
	if took := time.Since(began); took > c.Lease/2 {
		t.Errorf("what was released was taken up after %v, not at once", took)
	}
	once(t, in, got)
}
