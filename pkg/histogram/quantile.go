package histogram

import (
	"math"
	"time"
)

// Quantile returns the duration that the share q of all durations does not exceed (q from 0 to 1: 0.99 is p99), and
// false if there is none. At Scale it is within 2 % of what sorting the durations would give.
func (h Histogram) Quantile(q float64) (time.Duration, bool) {
	if h.count == 0 {
		return 0, false
	}
	rank := nearestRank(q, h.count)
	i, before := 0, uint64(0)
	for before+h.counts[i] < rank {
		before += h.counts[i]
		i++
	}
	share := (float64(rank-before) - 0.5) / float64(h.counts[i])
	return h.within(i, share), true
}

// nearestRank is the place, from 1, of the quantile q among count sorted values.
func nearestRank(q float64, count uint64) uint64 {
	rank := math.Ceil(q * float64(count))
	if !(rank >= 1) { // also where q is not a number
		return 1
	}
	if rank >= float64(count) {
		return count
	}
	return uint64(rank)
}

// within returns the duration that lies at share (0 to 1) of counts[i]'s bucket, on a logarithmic scale. It keeps a
// tenth away from both ends: the bucket is 2.19 % wide, and if all its values are equal and at one end, the answer
// must not be the other.
func (h Histogram) within(i int, share float64) time.Duration {
	at := float64(h.offset) + float64(i) + 0.1 + 0.8*share
	ns := math.Exp2(math.Ldexp(at, -int(h.scale))) * 1e9
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(ns))
}
