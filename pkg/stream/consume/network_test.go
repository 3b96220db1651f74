package consume

import (
	"maps"
	"testing"
	"time"

	"millrace.dev/pkg/stream/streamtest"
)

// testBadNetwork cuts connections in place of replies: Redis has given out entries that nobody received, renewed,
// claimed and settled what nobody knows of.
func testBadNetwork(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 60, 10)
	cut := streamtest.NewCut(t, srv)
	behind := *srv
	behind.URL = cut.URL
	c := quick()
	c.Metrics = new(Metrics)
	got := newSeen()
	start(t, open(t, &behind, 2), c, counting(got))
	for i, command := range []string{"XREADGROUP", "EVALSHA", "XREADGROUP", "EVAL", "XPENDING", "XRANGE", "XREADGROUP", "EVALSHA"} {
		fired := cut.Set(streamtest.Rule{Swallow: 1 + i%2, Command: command})
		fill(t, s, in, 20, 10)
		select {
		case <-fired:
		case <-time.After(2 * time.Second): // not every command is needed at every time
		}
	}
	cut.Set(streamtest.Rule{})
	if a := settledAll(t, s, pipeline, 20*time.Second); a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	if want, have := in.types(), counts(t, s, pipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
	for id := range in {
		if got.copy()[id] == 0 {
			t.Errorf("event %s was never handled", id)
		}
	}
}
