package telemetry

import (
	"context"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/metrics"
	"testing"
)

func TestMemoryHasTheGuidesFields(t *testing.T) {
	code, body := get(t.Context(), http.HandlerFunc(MemoryHandler), "/debug/memory")
	if code != 200 {
		t.Fatalf("status %d", code)
	}
	for _, field := range []string{"memory_mb", "memory_percent", "open_files", "connections"} {
		if n, ok := body[field].(float64); !ok || n < 0 {
			t.Errorf("%s is %v", field, body[field])
		}
	}
	if mb := body["memory_mb"].(float64); mb < 1 || mb > 10_000 {
		t.Errorf("memory_mb is %v", mb)
	}
	if p := body["memory_percent"].(float64); p <= 0 || p > 100 {
		t.Errorf("memory_percent is %v", p)
	}
	gc, ok := body["gc_stats"].(map[string]any)
	if !ok || gc["collections"].(float64) < 1 || gc["heap_mb"].(float64) <= 0 || gc["goroutines"].(float64) < 1 {
		t.Errorf("gc_stats is %v", body["gc_stats"])
	}
}

func TestMemoryCountsFilesAndConnections(t *testing.T) {
	before := Memory(t.Context())
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	null, err := os.Open(os.DevNull) // a device, not a file
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for range 3 {
		ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
	}
	after := Memory(t.Context())
	if *after.OpenFiles != *before.OpenFiles+1 || *after.Connections != *before.Connections+3 {
		t.Errorf("files %d -> %d, want one more; connections %d -> %d, want three more",
			*before.OpenFiles, *after.OpenFiles, *before.Connections, *after.Connections)
	}
}

func TestMemoryForcesACollection(t *testing.T) {
	before := Memory(t.Context()).GC.Collections
	garbage := make([]byte, 64<<20)
	garbage[0] = 1
	after := Memory(t.Context()).GC
	if after.Collections <= before {
		t.Errorf("%d collections, then %d", before, after.Collections)
	}
	if after.CollectedMB <= 0 && after.HeapMB > 60 {
		t.Errorf("64 MiB of garbage stayed: %+v", after)
	}
}

func TestWhatIsNotKnownIsNull(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := Memory(ctx); r.OpenFiles != nil || r.Connections != nil || r.MemoryMB == nil {
		t.Errorf("nobody counted descriptors: %+v", r)
	}
}

func TestUpperQuantile(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		counts []uint64
		q      float64
		want   float64
	}{
		{[]uint64{0, 0, 0}, 0.99, 0},
		{[]uint64{99, 1, 0}, 0.99, 1},
		{[]uint64{98, 2, 0}, 0.99, 2},
		{[]uint64{0, 0, 1}, 0.99, 2}, // the last bucket has no upper end
	} {
		h := &metrics.Float64Histogram{Counts: c.counts, Buckets: []float64{0, 1, 2, inf}}
		if got := upperQuantile(h, c.q); got != c.want {
			t.Errorf("%v: %v, want %v", c.counts, got, c.want)
		}
	}
}
