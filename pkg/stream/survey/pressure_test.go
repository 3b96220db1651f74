package survey

import (
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

func press1(t *testing.T, s *stream.Stream) Pressure {
	t.Helper()
	p, err := Press(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testPressure(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	a := newAppender(t, s)
	if p := press1(t, s); p.Lag != 0 {
		t.Errorf("an empty stream is behind by %v", p.Lag)
	}
	a.add(1, 3, "a")
	first := time.Now()
	older := func(than time.Duration) Pressure {
		t.Helper()
		for {
			if p := press1(t, s); p.Lag >= than || t.Context().Err() != nil {
				return p
			}
		}
	}
	if p := older(20 * time.Millisecond); p.Lag > time.Since(first)+time.Second {
		t.Errorf("without a pipeline: behind by %v", p.Lag)
	}
	newest := s.Redis().XRevRangeN(t.Context(), stream.KeysOf(1).Events(), "+", "-", 1).Val()[0].ID
	mark := func(pipeline, id string) {
		t.Helper()
		if err := s.Redis().HSet(t.Context(), stream.KeysOf(1).Groups(), pipeline, id).Err(); err != nil {
			t.Fatal(err)
		}
	}
	mark("fast", newest)
	if p := press1(t, s); p.Lag != 0 {
		t.Errorf("all is processed: behind by %v", p.Lag)
	}
	mark("slow", "0")
	if p := press1(t, s); p.Lag < 20*time.Millisecond {
		t.Errorf("one pipeline has processed nothing: behind by %v", p.Lag)
	}
}

func TestPressure(t *testing.T) {
	t.Run("redis", func(t *testing.T) { testPressure(t, streamtest.Redis(t)) })
	t.Run("embedded", func(t *testing.T) { testPressure(t, streamtest.Embedded(t)) })
}

// Memory is told of a Redis that tells it, against its maxmemory, else against half of the machine's.
func TestPressureOfMemory(t *testing.T) {
	srv := streamtest.Redis(t)
	s := open(t, srv, 1)
	p := press1(t, s)
	if !p.Assumed || p.Memory() <= 0 || p.Memory() > 50 {
		t.Errorf("without maxmemory: %+v", p)
	}
	if err := s.Redis().ConfigSet(t.Context(), "maxmemory", "64mb").Err(); err != nil {
		t.Fatal(err)
	}
	if p := press1(t, s); p.Assumed || p.MaxMemory != 64<<20 || p.Memory() <= 0 {
		t.Errorf("with maxmemory: %+v", p)
	}
	if p := press1(t, open(t, streamtest.Embedded(t), 1)); p.Memory() != 0 {
		t.Errorf("the embedded server: %+v", p)
	}
}

func TestMemoryFacts(t *testing.T) {
	for text, want := range map[string]Pressure{
		"":                              {},
		"used_memory:100\r\n":           {UsedMemory: 100, MaxMemory: 512 << 20, Assumed: true},
		"used_memory:1\nmaxmemory:50\n": {UsedMemory: 1, MaxMemory: 50},
		"used_memory:1\nmaxmemory:0\ntotal_system_memory:80\n": {UsedMemory: 1, MaxMemory: 40, Assumed: true},
	} {
		var p Pressure
		p.memory(parseInfo(text))
		if p != want {
			t.Errorf("%q: %+v", text, p)
		}
	}
}
