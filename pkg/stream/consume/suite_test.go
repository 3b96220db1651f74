package consume

import (
	"maps"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace.dev/pkg/stream/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedis(t *testing.T)    { suite(t, func(t *testing.T) server { return realRedis(t) }) }
func TestEmbedded(t *testing.T) { suite(t, embedded) }

func suite(t *testing.T, begin func(t *testing.T) server) {
	tests := map[string]func(*testing.T, server){
		"every event is settled once": testEveryEventOnce,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, begin(t)) })
	}
}

func testEveryEventOnce(t *testing.T, srv server) {
	s := open(t, srv, 4)
	in := sent{}
	fill(t, s, in, 100, 30)
	got := newSeen()
	c := Config{Pipeline: state.CountPipeline, BatchEvents: 100, Lease: time.Second}
	one, two := start(t, s, c, counting(got)), start(t, s, c, counting(got))
	fill(t, s, in, 100, 30)
	a := settledAll(t, s, state.CountPipeline, 20*time.Second)
	if a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	for id := range in {
		if n := got.copy()[id]; n != 1 {
			t.Errorf("event %s was handled %d times", id, n)
		}
	}
	if want, have := in.types(), counts(t, s, state.CountPipeline); !maps.Equal(want, have) {
		t.Errorf("counted %v, want %v", have, want)
	}
	one.end(t)
	two.end(t)
}
