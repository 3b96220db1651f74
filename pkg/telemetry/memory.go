package telemetry

import (
	"context"
	"net/http"
	"runtime"
)

// MemoryReport is /debug/memory. The names are the guide's; what this system can't tell is null.
type MemoryReport struct {
	MemoryMB      *float64 `json:"memory_mb"`      // resident set, MiB (/proc/self/statm)
	MemoryPercent *float64 `json:"memory_percent"` // of the machine's memory (/proc/meminfo)
	OpenFiles     *int     `json:"open_files"`     // regular files (/proc/self/fd)
	Connections   *int     `json:"connections"`    // sockets, listening ones among them (/proc/self/fd)
	GC            GCStats  `json:"gc_stats"`
}

// Memory collects garbage, so that what is left is in use, and reports. It takes some milliseconds of every core;
// counting file descriptors ends early when ctx does.
func Memory(ctx context.Context) MemoryReport {
	before := heapBytes()
	runtime.GC()
	r := MemoryReport{GC: readGC()}
	r.GC.CollectedMB = max(0, mebibytes(before)-r.GC.HeapMB)
	if rss, err := residentBytes(); err == nil {
		r.MemoryMB = new(mebibytes(rss))
		if total, err := machineBytes(); err == nil && total > 0 {
			r.MemoryPercent = new(100 * float64(rss) / float64(total))
		}
	}
	if files, sockets, err := countDescriptors(ctx); err == nil {
		r.OpenFiles, r.Connections = &files, &sockets
	}
	return r
}

// MemoryHandler answers with Memory as JSON.
func MemoryHandler(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, Memory(r.Context()))
}

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }
