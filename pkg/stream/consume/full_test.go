package consume

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

// fillUp makes Redis full and checks that it is: it refuses SET.
func fillUp(t *testing.T, s *stream.Stream) {
	t.Helper()
	if err := s.Redis().ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil { // less than it uses
		t.Fatal(err)
	}
	err := s.Redis().Set(t.Context(), "one", strings.Repeat("x", 100), 0).Err()
	if !errors.Is(stream.Classify(err), stream.ErrFull) {
		t.Fatalf("Redis is not full: %v", err)
	}
}

// TestFullRedisDrains: what was stored is settled although Redis is full, by workers that start on it, and the work
// of one that died is taken over.
func TestFullRedisDrains(t *testing.T) {
	srv := streamtest.Redis(t)
	if !srv.Can.MaxMemory {
		t.Fatal("a real Redis can be full")
	}
	s := open(t, srv, 2)
	in := sent{}
	fill(t, s, in, 100, 10)
	appendRaw(t, s, 0, []byte("garbage"), 3)
	victim := startVictim(t, srv, 2, quick()) // it creates the groups
	<-victim.begun
	fillUp(t, s)
	victim.kill()
	c := quick()
	c.Metrics = new(Metrics)
	w := start(t, s, c, counting(newSeen()))
	a := settledAll(t, s, pipeline, 10*time.Second)
	if a.Processed != uint64(len(in)) || a.Dead != 3 {
		t.Errorf("processed %d of %d, dead %d of 3", a.Processed, len(in), a.Dead)
	}
	eventually(t, 5*time.Second, "the low-water marks are saved", func() bool {
		for p := range s.Partitions() {
			low, err := s.Redis().HGet(context.Background(), stream.KeysOf(p).Groups(), pipeline).Result()
			if err != nil || parse(t, low).After() != books(t, s, p, pipeline).Accepted {
				return false
			}
		}
		return true
	})
	w.end(t)
}

// TestFullRedisStarts: a pipeline that is new is created and works on a full Redis.
func TestFullRedisStarts(t *testing.T) {
	s := open(t, streamtest.Redis(t), 2)
	in := sent{}
	fill(t, s, in, 20, 10)
	fillUp(t, s)
	start(t, s, quick(), counting(newSeen()))
	if a := settledAll(t, s, pipeline, 10*time.Second); a.Processed != uint64(len(in)) {
		t.Errorf("processed %d of %d", a.Processed, len(in))
	}
	for p := range s.Partitions() {
		s.Redis().XGroupDestroy(t.Context(), stream.KeysOf(p).Events(), pipeline)
	}
	eventually(t, 10*time.Second, "the groups are back", func() bool {
		for p := range s.Partitions() {
			if len(s.Redis().XInfoGroups(context.Background(), stream.KeysOf(p).Events()).Val()) == 0 {
				return false
			}
		}
		return true
	})
	settledAll(t, s, pipeline, 10*time.Second)
}
