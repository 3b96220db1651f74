package stats

import (
	"time"

	"millrace.dev/pkg/histogram"
)

// latencyWindow is the time that latencies are over.
const latencyWindow = 10 * time.Second

// durations merges what all instances measured under a name within the last 10 s: of each, its newest histogram less
// the one that it had then. Reports are cumulative, so one that was lost takes nothing with it.
func durations(all []Instance, now time.Time, name string, match func(Series) bool) histogram.Histogram {
	var merged histogram.Histogram
	for _, i := range all {
		for s, h := range i.Last.Histograms {
			if s.Name != name || match != nil && !match(s) {
				continue
			}
			if base, known := i.before(now, latencyWindow); known {
				merged = merged.Add(h.Sub(base.histogram(s)))
			}
		}
	}
	return merged
}

// growth is by how much a counter of an instance grew a second, within the last 5 s. False: not known.
func (i Instance) growth(now time.Time, name string) (float64, bool) {
	base, known := i.before(now, rateWindow)
	total, counted := sum(i.Last.Sums, name, nil)
	if !known || !counted || base == nil {
		return 0, false
	}
	seconds := i.Last.At.Sub(base.At).Seconds()
	if seconds <= 0 {
		return 0, true // its newest report is older than the window: nothing is known to have been added since
	}
	earlier, _ := sum(base.Sums, name, nil)
	return max(0, total-earlier) / seconds, true
}

// before returns the newest report that had come by the beginning of a window. It is nil and known if the instance is
// younger than the window: then it had measured nothing. It is not known if stats itself is younger: then of what the
// instance measured nobody can tell how much is older than the window, and the oldest report there is serves instead.
func (i Instance) before(now time.Time, window time.Duration) (base *Report, known bool) {
	from := now.Add(-window)
	for _, r := range i.trail {
		if r.at.After(from) {
			break
		}
		base = r.report
	}
	switch {
	case base != nil:
		return base, true
	case len(i.trail) == 0:
		return nil, false
	case i.Last.At.Sub(i.Started) <= window: // both by the instance's clock
		return nil, true
	}
	return i.trail[0].report, true
}

func (r *Report) histogram(s Series) histogram.Histogram {
	if r == nil {
		return histogram.Histogram{}
	}
	return r.Histograms[s]
}
