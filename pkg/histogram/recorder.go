package histogram

import (
	"math"
	"sync/atomic"
	"time"
)

// Recorder counts durations from 1 us to 256 s. The zero Recorder is ready to use, from any number of goroutines;
// it is 7 KB and must not be copied.
type Recorder struct {
	counts [buckets]atomic.Uint64
	sum    atomic.Uint64 // nanoseconds, as the bits of a float64: an integer would be full after weeks of overload
	under  atomic.Uint64
	over   atomic.Uint64
}

// Record counts n events of duration d. It does not allocate. A d below 1 us (or negative, from clocks that differ)
// goes into the first bucket, one above 256 s into the last; Clamped tells how many.
func (r *Recorder) Record(d time.Duration, n uint64) {
	if d < shortest {
		r.under.Add(n)
		d = shortest
	} else if d > Longest {
		r.over.Add(n)
		d = Longest
	}
	r.counts[index(d)-firstIndex].Add(n)
	r.addSum(float64(d) * float64(n))
}

func (r *Recorder) addSum(ns float64) {
	for {
		old := r.sum.Load()
		if r.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+ns)) {
			return
		}
	}
}

// Clamped returns how many events were shorter or longer than what the buckets hold.
func (r *Recorder) Clamped() (under, over uint64) { return r.under.Load(), r.over.Load() }

// Snapshot returns all that was recorded since the beginning. What is recorded meanwhile may be in it in part: in a
// bucket, but not in the sum yet.
func (r *Recorder) Snapshot() Histogram {
	counts := make([]uint64, buckets)
	for i := range counts {
		counts[i] = r.counts[i].Load()
	}
	return trimmed(Scale, firstIndex, counts, math.Float64frombits(r.sum.Load())/1e9)
}
