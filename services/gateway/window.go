package gateway

import "sync"

// window turns outcomes that arrive in any order into one number: every event up to `acked` is decided. Events
// of one producer go to several partitions, whose appends end independently; an acknowledgement covers all
// before it, so it waits for the slowest.
//
// A run is a stretch of consecutive events of the producer that share one batch (refused ones between them
// included): the unit that is decided at once.
type window struct {
	mu    sync.Mutex
	base  uint64 // the number of the first run in runs
	runs  []outcome
	acked uint64
}

type outcome struct {
	last uint64 // the number of the run's last event
	done bool
}

// open begins a run with event n and returns its number.
func (w *window) open(n uint64) (run uint64) {
	w.runs = append(w.runs, outcome{last: n})
	return w.base + uint64(len(w.runs)) - 1
}

// extend makes event n the last of the newest run. It returns false if run is not the newest or is decided.
func (w *window) extend(run, n uint64) bool {
	newest := len(w.runs) - 1
	if newest < 0 || run != w.base+uint64(newest) || w.runs[newest].done {
		return false
	}
	w.runs[newest].last = n
	return true
}

// refused takes note that event n was refused: it is decided with what came before it.
func (w *window) refused(n uint64) {
	if len(w.runs) == 0 {
		w.acked = n
		return
	}
	w.runs[len(w.runs)-1].last = n
}

// decided ends a run and returns whether acked has moved.
func (w *window) decided(run uint64) bool {
	w.runs[run-w.base].done = true
	before := w.acked
	ended := 0
	for ended < len(w.runs) && w.runs[ended].done {
		w.acked = w.runs[ended].last
		ended++
	}
	w.base += uint64(ended)
	w.runs = w.runs[:copy(w.runs, w.runs[ended:])]
	if len(w.runs) == 0 && cap(w.runs) > keptRuns {
		w.runs = nil
	}
	return w.acked != before
}

// keptRuns is how many runs an idle window keeps memory for.
const keptRuns = 16

// empty says whether every event is decided.
func (w *window) empty() bool { return len(w.runs) == 0 }
