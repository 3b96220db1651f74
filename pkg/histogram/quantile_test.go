package histogram

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// sample is a distribution of latencies as they occur.
type sample struct {
	name string
	next func(r *rand.Rand) time.Duration
}

var samples = []sample{
	{"uniform", func(r *rand.Rand) time.Duration { return time.Duration(1 + r.Int64N(int64(time.Second))) }},
	{"exponential", func(r *rand.Rand) time.Duration { return time.Duration(r.ExpFloat64() * 5e6) }},
	{"log-normal", func(r *rand.Rand) time.Duration { return time.Duration(math.Exp(r.NormFloat64()*1.5) * 2e6) }},
	{"two peaks", func(r *rand.Rand) time.Duration {
		if r.IntN(10) == 0 {
			return 2*time.Second + time.Duration(r.Int64N(1e8))
		}
		return 300*time.Microsecond + time.Duration(r.Int64N(1e4))
	}},
	{"pareto", func(r *rand.Rand) time.Duration { return time.Duration(1e6 / math.Pow(1-r.Float64(), 0.8)) }},
}

func TestQuantilesAreWithinTwoPercentOfSortedSamples(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for _, n := range []int{1, 2, 10, 1_000, 50_000} {
				var r Recorder
				raw := make([]time.Duration, n)
				for i := range raw {
					raw[i] = min(max(s.next(random), time.Microsecond), Longest)
					r.Record(raw[i], 1)
				}
				slices.Sort(raw)
				near(t, r.Snapshot(), raw)
			}
		})
	}
}

// What lies at one end of a bucket is the worst that can happen: all of it is as far from the middle as can be.
func TestQuantilesOfEqualSamplesAtTheEndsOfBuckets(t *testing.T) {
	for i := firstIndex; i < lastIndex; i += 7 {
		top, _ := boundary(i + 1)
		for _, d := range []time.Duration{time.Duration(top), time.Duration(top + 1)} {
			if d < 100*time.Microsecond {
				continue // below, the nanosecond itself is coarse
			}
			var r Recorder
			r.Record(d, 1_000)
			near(t, r.Snapshot(), slices.Repeat([]time.Duration{d}, 1_000))
		}
	}
}

func near(t *testing.T, h Histogram, sorted []time.Duration) {
	t.Helper()
	for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1} {
		want := sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
		got, ok := h.Quantile(q)
		if wrong := math.Abs(float64(got)/float64(want) - 1); !ok || wrong > 0.02 {
			t.Errorf("n=%d q=%v: %v, want %v: %.2f %% off", len(sorted), q, got, want, 100*wrong)
		}
	}
}

func TestQuantileOfAnyNumber(t *testing.T) {
	var r Recorder
	r.Record(time.Millisecond, 10)
	r.Record(time.Second, 10)
	for q, want := range map[float64]time.Duration{
		-1: time.Millisecond, 2: time.Second, math.Inf(1): time.Second, 0.5: time.Millisecond, 0.51: time.Second,
	} {
		got, _ := r.Snapshot().Quantile(q)
		if math.Abs(float64(got)/float64(want)-1) > 0.02 {
			t.Errorf("Quantile(%v) = %v, want %v", q, got, want)
		}
	}
	if got, ok := r.Snapshot().Quantile(math.NaN()); !ok || got > 2*time.Millisecond {
		t.Errorf("Quantile(NaN) = %v, want the least", got)
	}
}

func TestQuantileBeyondADuration(t *testing.T) {
	h, err := New(0, 900, []uint64{1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := h.Quantile(0.5); got != math.MaxInt64 {
		t.Errorf("2^900 s is %v, want the longest duration", got)
	}
}
