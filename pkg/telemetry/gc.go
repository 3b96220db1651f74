package telemetry

import (
	"math"
	"runtime/metrics"
)

// GCStats is what Go's runtime tells about its memory (runtime/metrics).
type GCStats struct {
	Collections uint64  `json:"collections"`  // cycles since the start
	CollectedMB float64 `json:"collected_mb"` // by the collection that this report forced
	HeapMB      float64 `json:"heap_mb"`      // in use after it
	HeapObjects uint64  `json:"heap_objects"` // in use after it
	GoalMB      float64 `json:"goal_mb"`      // the heap's size at which the next cycle ends
	PauseP99MS  float64 `json:"pause_p99_ms"` // of all pauses since the start, the upper end of the bucket
	CPUSeconds  float64 `json:"cpu_s"`        // spent on collections, an estimate of the runtime's
	Goroutines  uint64  `json:"goroutines"`   // alive now
	ReturnedMB  float64 `json:"returned_mb"`  // given back to the system
	MemoryLimit float64 `json:"limit_mb"`     // GOMEMLIMIT; 0: none
}

const (
	metricHeap       = "/memory/classes/heap/objects:bytes"
	metricObjects    = "/gc/heap/objects:objects"
	metricGoal       = "/gc/heap/goal:bytes"
	metricCycles     = "/gc/cycles/total:gc-cycles"
	metricPauses     = "/sched/pauses/total/gc:seconds"
	metricGCCPU      = "/cpu/classes/gc/total:cpu-seconds"
	metricGoroutines = "/sched/goroutines:goroutines"
	metricReleased   = "/memory/classes/heap/released:bytes"
	metricLimit      = "/gc/gomemlimit:bytes"
)

func readGC() GCStats {
	m := sample(metricHeap, metricObjects, metricGoal, metricCycles, metricPauses, metricGCCPU, metricGoroutines,
		metricReleased, metricLimit)
	limit := m[metricLimit].Uint64()
	if limit == math.MaxInt64 { // the runtime's word for none
		limit = 0
	}
	return GCStats{
		Collections: m[metricCycles].Uint64(),
		HeapMB:      mebibytes(m[metricHeap].Uint64()),
		HeapObjects: m[metricObjects].Uint64(),
		GoalMB:      mebibytes(m[metricGoal].Uint64()),
		PauseP99MS:  upperQuantile(m[metricPauses].Float64Histogram(), 0.99) * 1e3,
		CPUSeconds:  m[metricGCCPU].Float64(),
		Goroutines:  m[metricGoroutines].Uint64(),
		ReturnedMB:  mebibytes(m[metricReleased].Uint64()),
		MemoryLimit: mebibytes(limit),
	}
}

func heapBytes() uint64 {
	v := sample(metricHeap)[metricHeap]
	return v.Uint64()
}

func sample(names ...string) map[string]metrics.Value {
	samples := make([]metrics.Sample, len(names))
	for i, n := range names {
		samples[i].Name = n
	}
	metrics.Read(samples)
	values := make(map[string]metrics.Value, len(names))
	for _, s := range samples {
		values[s.Name] = s.Value
	}
	return values
}

// upperQuantile is the upper end of the bucket that holds the quantile q, or its lower end where that is infinite;
// 0 where nothing was counted.
func upperQuantile(h *metrics.Float64Histogram, q float64) float64 {
	var total, seen uint64
	for _, n := range h.Counts {
		total += n
	}
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	for i, n := range h.Counts {
		if seen += n; seen < rank {
			continue
		}
		if up := h.Buckets[i+1]; !math.IsInf(up, 1) {
			return up
		}
		return h.Buckets[i]
	}
	return 0
}
