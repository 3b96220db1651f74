package gateway

import (
	"math/rand/v2"
	"testing"
)

// TestWindow checks against the plain rule: acked is the highest number below which everything is decided.
func TestWindow(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var w window
		decided := map[uint64]bool{} // by event
		byRun := map[uint64][]uint64{}
		var undecided []uint64 // runs
		var last, run uint64
		for range 300 {
			switch r.IntN(4) {
			case 0: // refused: decided as soon as what came before it is
				last++
				w.refused(last)
				decided[last] = true
			case 1: // of another batch
				last++
				run = w.open(last)
				undecided = append(undecided, run)
				byRun[run] = []uint64{last}
			case 2: // of the same batch as the last one, if that is still the newest
				if w.extend(run, last+1) {
					last++
					byRun[run] = append(byRun[run], last)
				}
			case 3:
				if len(undecided) == 0 {
					continue
				}
				i := r.IntN(len(undecided))
				n := undecided[i]
				undecided = append(undecided[:i], undecided[i+1:]...)
				for _, e := range byRun[n] {
					decided[e] = true
				}
				before := w.acked
				if moved := w.decided(n); moved != (w.acked != before) {
					t.Fatalf("seed %d: decided says moved=%v from %d to %d", seed, moved, before, w.acked)
				}
			}
			checkWindow(t, seed, &w, decided, last, len(undecided) == 0)
		}
	}
}

func checkWindow(t *testing.T, seed uint64, w *window, decided map[uint64]bool, last uint64, idle bool) {
	t.Helper()
	for n := uint64(1); n <= w.acked; n++ {
		if !decided[n] {
			t.Fatalf("seed %d: event %d is acknowledged (up to %d) and not decided", seed, n, w.acked)
		}
	}
	if idle && w.acked != last {
		t.Fatalf("seed %d: all is decided up to %d, acknowledged is only %d", seed, last, w.acked)
	}
	if idle != w.empty() {
		t.Fatalf("seed %d: empty is %v, nothing undecided is %v", seed, w.empty(), idle)
	}
}

// An idle window gives back the memory of a burst.
func TestWindowShrinks(t *testing.T) {
	var w window
	runs := make([]uint64, 10*keptRuns)
	for i := range runs {
		runs[i] = w.open(uint64(i + 1))
	}
	for _, run := range runs {
		w.decided(run)
	}
	if w.acked != uint64(len(runs)) || cap(w.runs) > keptRuns {
		t.Fatalf("acked %d of %d, room for %d runs kept", w.acked, len(runs), cap(w.runs))
	}
}
