package histogram

// Add returns what h and o counted together, in the coarser of their scales.
func (h Histogram) Add(o Histogram) Histogram {
	switch {
	case o.count == 0:
		return h
	case h.count == 0:
		return o
	}
	h, o = alike(h, o)
	first := min(h.offset, o.offset)
	end := max(h.end(), o.end())
	counts := make([]uint64, end-first)
	copy(counts[h.offset-first:], h.counts)
	for i, n := range o.counts {
		counts[int(o.offset-first)+i] += n
	}
	return trimmed(h.scale, first, counts, h.sum+o.sum)
}

// Sub returns what was counted between the snapshots earlier and h of one Recorder. No bucket falls below zero: if
// earlier is of another, the result means nothing.
func (h Histogram) Sub(earlier Histogram) Histogram {
	if h.count == 0 || earlier.count == 0 {
		return h
	}
	h, earlier = alike(h, earlier)
	counts := make([]uint64, len(h.counts))
	copy(counts, h.counts)
	for i, n := range earlier.counts {
		at := int(earlier.offset-h.offset) + i
		if at >= 0 && at < len(counts) {
			counts[at] -= min(n, counts[at])
		}
	}
	return trimmed(h.scale, h.offset, counts, max(h.sum-earlier.sum, 0))
}

// Scaled returns h with 2^scale buckets a doubling. To halve the resolution, neighbours are added up; it can't be
// made finer, and h is returned as it is.
func (h Histogram) Scaled(scale int32) Histogram {
	if h.count == 0 || scale >= h.scale {
		return h
	}
	by := h.scale - scale
	first := h.offset >> by
	counts := make([]uint64, (h.end()-1)>>by-first+1)
	for i, n := range h.counts {
		counts[(h.offset+int32(i))>>by-first] += n
	}
	return trimmed(scale, first, counts, h.sum)
}

func alike(a, b Histogram) (_, _ Histogram) {
	scale := min(a.scale, b.scale)
	return a.Scaled(scale), b.Scaled(scale)
}

// end is the index after the last bucket.
func (h Histogram) end() int32 { return h.offset + int32(len(h.counts)) }
