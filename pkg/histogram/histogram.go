package histogram

import (
	"fmt"
	"slices"
)

// Histogram says how many durations fell into each bucket. It is a value: no method changes it, and two of the same
// content are equal to reflect.DeepEqual. The zero Histogram is empty.
type Histogram struct {
	scale  int32
	offset int32    // index of the first bucket in counts
	counts []uint64 // neither the first nor the last is 0
	count  uint64
	sum    float64 // seconds
}

// New returns the histogram that a report from elsewhere describes: counts[i] durations in the bucket with index
// offset+i, sum in seconds. A scale finer than Scale is halved down to it. An error tells of a scale or an index
// that OpenTelemetry does not know: it would let a report of a few bytes claim gigabytes of buckets.
func New(scale, offset int32, counts []uint64, sum float64) (Histogram, error) {
	const coarsest, finest = -10, 20 // OpenTelemetry's data model
	if scale < coarsest || scale > finest {
		return Histogram{}, fmt.Errorf("scale %d is not within %d..%d", scale, coarsest, finest)
	}
	// A float64 is more than 2^-1075 and less than 2^1024.
	lowest, highest := shifted(-1075, scale), shifted(1024, scale)
	if first, last := int64(offset), int64(offset)+int64(len(counts)); first < lowest || last > highest+1 {
		return Histogram{}, fmt.Errorf("buckets %d..%d are not within %d..%d", first, last, lowest, highest)
	}
	return trimmed(scale, offset, slices.Clone(counts), sum).Scaled(Scale), nil
}

// shifted is n x 2^scale, rounded down.
func shifted(n int64, scale int32) int64 {
	if scale < 0 {
		return n >> -scale
	}
	return n << scale
}

// trimmed takes counts over and cuts the empty buckets at both ends.
func trimmed(scale, offset int32, counts []uint64, sum float64) Histogram {
	for len(counts) > 0 && counts[0] == 0 {
		counts, offset = counts[1:], offset+1
	}
	for len(counts) > 0 && counts[len(counts)-1] == 0 {
		counts = counts[:len(counts)-1]
	}
	if len(counts) == 0 {
		return Histogram{}
	}
	h := Histogram{scale: scale, offset: offset, counts: counts, sum: sum}
	for _, n := range counts {
		h.count += n
	}
	return h
}

// Scale is the resolution: 2^Scale buckets a doubling.
func (h Histogram) Scale() int32 { return h.scale }

// Offset is the index of the first bucket of Counts.
func (h Histogram) Offset() int32 { return h.offset }

// Counts are the buckets from Offset on. The caller does not change them.
func (h Histogram) Counts() []uint64 { return h.counts }

// Count is the number of durations.
func (h Histogram) Count() uint64 { return h.count }

// Sum of all durations, in seconds.
func (h Histogram) Sum() float64 { return h.sum }
