package consume

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/stream/streamtest"
)

func TestScaled(t *testing.T) {
	for _, c := range []struct {
		now         int
		utilisation float64
		behind      bool
		want        int
	}{
		{2, 0.81, false, 3},
		{2, 0.8, false, 2}, // above, not at
		{4, 0.5, false, 4},
		{4, 0.2, false, 4},
		{4, 0.19, false, 3},
		{4, 0, false, 3},
		{2, 0, false, 2}, // the least
		{16, 1, false, 16},
		{16, 1.2, true, 16}, // the most
		{4, 0.5, true, 5},   // more waits than there is room for
		{4, 0.2, true, 5},
		{4, 0.19, true, 4}, // it is not the handlers that hold it up: neither more nor fewer
		{1, 0.5, false, 2}, // bounds that changed
		{20, 0.5, false, 16},
	} {
		if got := scaled(c.now, 2, 16, c.utilisation, c.behind); got != c.want {
			t.Errorf("%d handlers, utilisation %v, behind %v: %d, want %d", c.now, c.utilisation, c.behind, got, c.want)
		}
	}
}

// Under the same work the number goes one way and then stays.
func TestScalingDoesNotSwing(t *testing.T) {
	for work := 0.0; work < 20; work += 0.01 { // in handlers that it keeps busy
		for begin := 1; begin <= 16; begin++ {
			now, first := begin, 0
			for range 40 {
				n := scaled(now, 1, 16, min(1, work/float64(now)), false)
				if first == 0 {
					first = n - now
				}
				if (n-now)*first < 0 {
					t.Fatalf("from %d handlers with work for %.2f: turns at %d", begin, work, now)
				}
				now = n
			}
			if n := scaled(now, 1, 16, min(1, work/float64(now)), false); n != now {
				t.Fatalf("from %d handlers with work for %.2f: does not rest at %d", begin, work, now)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	origin := time.Now()
	after := func(s time.Duration) time.Time { return origin.Add(s * time.Second) }
	l := load{origin: origin}
	l.begin(after(10))
	l.begin(after(12))
	l.end(after(13))
	for at, want := range map[time.Duration]time.Duration{13: 4, 20: 11} {
		if got := l.busy(after(at)); got != want*time.Second {
			t.Errorf("after %d s: %v busy, want %d s", at, got, want)
		}
	}
	l.end(after(21))
	if got := l.busy(after(1000)); got != 12*time.Second {
		t.Errorf("at the end: %v busy, want 12 s", got)
	}
}

func TestBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(0, "c", room{most: size{events: 10, bytes: 100}}, size{entries: 1, events: 1})
		l.renewed = time.Now()
		pass := func() { time.Sleep(time.Second) } //nolint:forbidigo // the bubble's time
		expect := func(want time.Duration) {
			t.Helper()
			if got := l.blocked(time.Now()); got != want {
				t.Errorf("blocked for %v, want %v", got, want)
			}
		}
		e := &entry{id: "1-1", count: 10}
		l.mayRead(time.Hour)
		l.admit(e)
		pass()
		expect(0) // the reader has not come yet: it reads or waits for its lease
		for range 2 {
			if l.mayRead(time.Hour) {
				t.Error("there is no room")
			}
			pass()
		}
		expect(2 * time.Second)
		pass()
		l.land([]*entry{e})
		l.mayRead(time.Hour)
		pass()
		expect(time.Second)
		expect(0)
	})
}

// lines counts the lines of a log.
type lines struct{ text strings.Builder }

func (l *lines) logger() *slog.Logger      { return slog.New(slog.NewTextHandler(&l.text, nil)) }
func (l *lines) count(contains string) int { return strings.Count(l.text.String(), contains) }

func roomOf(l *lane) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.room.most.events
}

// Handlers in a call are load before they end; those that idle end one by one; the log tells of each turn once.
func TestScalerFollowsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said lines
		c := Config{MinHandlers: 2, MaxHandlers: 5, BatchEvents: 10}.withDefaults()
		hold := make(chan struct{})
		r := &run{
			config: c, log: said.logger(), batches: make(chan *batch), bell: make(chan struct{}, 1), idle: make(chan struct{}),
			load: load{origin: time.Now()}, handler: func(context.Context, []Delivery) []Result { <-hold; return nil },
			lanes: []*lane{newLane(0, "c", roomFor(c, 2, 1), size{})},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{}, 100)
		handle := func() { go func() { r.handle(t.Context()); ended <- struct{}{} }() }
		handle()
		handle()
		scaling := make(chan struct{})
		go func() { r.scale(ctx, handle); close(scaling) }()
		step := func(handlers int64, events int) {
			t.Helper()
			synctest.Wait()
			if n := c.Metrics.Handlers.Load(); n != handlers {
				t.Errorf("after %v: %d handlers, want %d", time.Since(r.load.origin), n, handlers)
			}
			if n := roomOf(r.lanes[0]); n != events {
				t.Errorf("room for %d events, want %d", n, events)
			}
			time.Sleep(5 * time.Second) //nolint:forbidigo // the bubble's time
		}
		give := func(n int) {
			for range n {
				select {
				case r.batches <- &batch{deliveries: make([]Delivery, 1)}:
				case <-time.After(time.Millisecond):
					t.Error("no handler waits for a batch")
				}
			}
		}
		give(2)
		step(2, 80)
		give(1) // to the third
		step(3, 120)
		give(1)
		step(4, 160)
		give(1)
		step(5, 200)
		step(5, 200) // the most
		close(hold)
		step(5, 200)
		step(4, 160)
		step(3, 120)
		step(2, 80)
		step(2, 80) // the least
		if up, down := said.count("more handlers"), said.count("fewer handlers"); up != 1 || down != 1 {
			t.Errorf("%d lines of more, %d of fewer, want one each:\n%s", up, down, said.text.String())
		}
		cancel()
		<-scaling
		close(r.batches)
		for range 5 {
			<-ended
		}
	})
}

// None is ended in a call, however little it may seem to do.
func TestEndIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &run{config: Config{Metrics: new(Metrics)}, batches: make(chan *batch), bell: make(chan struct{}, 1), idle: make(chan struct{})}
		hold := make(chan struct{})
		r.handler = func(context.Context, []Delivery) []Result { <-hold; return nil }
		ended := make(chan struct{})
		go func() { r.handle(t.Context()); close(ended) }()
		r.batches <- &batch{deliveries: make([]Delivery, 1)}
		synctest.Wait()
		if r.endIdle() {
			t.Error("a handler in a call was ended")
		}
		close(hold)
		synctest.Wait()
		if !r.endIdle() {
			t.Error("there was no handler that waits")
		}
		<-ended
	})
}

// gated is a handler whose calls wait for the gate.
type gated struct {
	gate          chan struct{}
	now, peak     atomic.Int64
	interrupted   atomic.Bool
	handler, then Handler
}

func newGated(then Handler) *gated {
	g := &gated{gate: make(chan struct{}), then: then}
	g.handler = func(ctx context.Context, batch []Delivery) []Result {
		n := g.now.Add(1)
		defer g.now.Add(-1)
		for p := g.peak.Load(); n > p && !g.peak.CompareAndSwap(p, n); p = g.peak.Load() {
		}
		<-g.gate
		if ctx.Err() != nil {
			g.interrupted.Store(true)
		}
		return g.then(ctx, batch)
	}
	return g
}

// testScaling counts calls at once: so many times the throughput of one slow handler there is.
func testScaling(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 200, 5)
	got := newSeen()
	g := newGated(counting(got))
	c := quick()
	c.BatchEvents, c.MinHandlers, c.MaxHandlers, c.ScaleEvery = 5, 2, 16, 20*time.Millisecond
	c.Metrics = new(Metrics)
	w := start(t, s, c, g.handler)
	eventually(t, 10*time.Second, "16 calls at once", func() bool { return g.now.Load() == 16 })
	close(g.gate)
	settledAll(t, s, pipeline, 20*time.Second)
	eventually(t, 10*time.Second, "2 handlers are left", func() bool { return c.Metrics.Handlers.Load() == 2 })
	fill(t, s, in, 50, 5) // they go on
	if a := settledAll(t, s, pipeline, 20*time.Second); a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	w.end(t)
	once(t, in, got)
	if n := g.peak.Load(); n != 16 {
		t.Errorf("%d calls at once, want 16", n)
	}
	if h, b := c.Metrics.Handlers.Load(), c.Metrics.Busy.Load(); h != 0 || b != 0 {
		t.Errorf("%d handlers, %d of them busy, after the end", h, b)
	}
}

// testDrainWhileScaling ends a worker whose handlers become more, with calls in progress: these come to their end.
func testDrainWhileScaling(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 200, 5)
	got := newSeen()
	g := newGated(counting(got))
	c := quick()
	c.BatchEvents, c.ScaleEvery, c.Drain = 5, time.Millisecond, 15*time.Second
	w := start(t, s, c, g.handler)
	eventually(t, 10*time.Second, "the handlers become more", func() bool { return g.now.Load() >= 4 })
	w.stop()
	close(g.gate)
	w.end(t)
	if g.interrupted.Load() {
		t.Error("a call was cancelled")
	}
	a := account(t, s, pipeline).Pipelines[pipeline]
	if handled := uint64(len(got.copy())); a.Processed != handled {
		t.Errorf("%d events are settled of %d that were handled", a.Processed, handled)
	}
	start(t, s, quick(), counting(got))
	settledAll(t, s, pipeline, 20*time.Second)
	once(t, in, got)
}
