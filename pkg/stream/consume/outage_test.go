package consume

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

// TestOutage kills Redis under load and starts it again: the worker waits and goes on by itself.
func TestOutage(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 50, 10)
	c := quick()
	c.Metrics = new(Metrics)
	got := newSeen()
	w := start(t, s, c, counting(got))
	eventually(t, 5*time.Second, "it works", func() bool { return c.Metrics.Processed.Load() > 0 })
	srv.Kill()
	_ = stream.Sleep(t.Context(), 2*c.Lease) // all leases lapse meanwhile
	srv.Start()
	reconnected(t, s)
	fill(t, s, in, 50, 10)
	if a := settledAll(t, s, pipeline, 20*time.Second); a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	w.end(t)
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
	for id := range in {
		if got.copy()[id] == 0 {
			t.Errorf("event %s was never handled", id)
		}
	}
}

// TestPause stops Redis in its tracks for longer than a lease: commands time out, and some of them are carried out.
func TestPause(t *testing.T) {
	srv := streamtest.Redis(t)
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 200, 10)
	c := quick()
	c.BatchEvents = 20
	got := newSeen()
	one := start(t, s, c, counting(got))
	two := start(t, open(t, srv, 2), c, counting(got))
	srv.Pause()
	_ = stream.Sleep(t.Context(), 3*time.Second) // beyond the timeout of a command, which is 2 s here
	srv.Resume()
	if a := settledAll(t, s, pipeline, 20*time.Second); a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	one.end(t)
	two.end(t)
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
}

// TestStartsBeforeRedis begins while there is no Redis, and ends while there is none.
func TestStartsBeforeRedis(t *testing.T) {
	srv := streamtest.Redis(t)
	s := open(t, srv, 1)
	srv.Kill()
	w := start(t, s, quick(), counting(newSeen()))
	srv.Start()
	reconnected(t, s)
	in := sent{}
	fill(t, s, in, 5, 5)
	settledAll(t, s, pipeline, 10*time.Second)
	srv.Kill()
	w.end(t)
}

// reconnected waits until the client has noticed that Redis is back: for a while it repeats the last dial's error.
func reconnected(t *testing.T, s *stream.Stream) {
	t.Helper()
	eventually(t, 10*time.Second, "Redis answers", func() bool { return s.Redis().Ping(t.Context()).Err() == nil })
}

func TestOutageIsSaidOnce(t *testing.T) {
	var text strings.Builder
	o := outage{log: slog.New(slog.NewTextHandler(&text, nil)), failing: map[string]bool{}}
	for i := range 3 {
		o.report(fmt.Sprint("part ", i), errors.New("refused"))
		o.report(fmt.Sprint("part ", i), errors.New("refused"))
	}
	o.report("part 0", nil)
	o.report("part 1", nil)
	if n := strings.Count(text.String(), "\n"); n != 1 || !strings.Contains(text.String(), "Redis fails") {
		t.Errorf("said %d lines while Redis is away: %s", n, &text)
	}
	o.report("part 2", nil)
	o.report("part 2", nil)
	if n := strings.Count(text.String(), "\n"); n != 2 || !strings.Contains(text.String(), "Redis is back") {
		t.Errorf("said %d lines in all: %s", n, &text)
	}
}
