package stats

import (
	"cmp"
	"maps"
	"slices"

	"millrace.dev/pkg/histogram"
)

// bounded puts what a report has beyond mostSeries series into one overflow series a metric. Which ones keep their
// place is the same in every report of the same series: those that come first by name and attributes.
func bounded(rep Report) Report {
	if len(rep.Sums)+len(rep.Gauges)+len(rep.Histograms) <= mostSeries {
		return rep
	}
	room := mostSeries
	rep.Sums = within(rep.Sums, &room, func(a, b float64) float64 { return a + b })
	rep.Gauges = within(rep.Gauges, &room, func(a, b float64) float64 { return a + b })
	rep.Histograms = within(rep.Histograms, &room, histogram.Histogram.Add)
	if len(rep.Deltas) > 0 {
		rep.Deltas = withOverflow(rep.Deltas)
	}
	return rep
}

// within keeps what there is room for. Metrics, too, can be too many: those that have no place for an overflow series
// are left out.
func within[V any](all map[Series]V, room *int, add func(a, b V) V) map[Series]V {
	kept := make(map[Series]V, min(len(all), *room))
	for _, s := range slices.SortedFunc(maps.Keys(all), compareSeries) {
		if *room > 0 {
			kept[s] = all[s]
			*room--
			continue
		}
		at := s.overflow()
		before, there := kept[at]
		switch {
		case there:
			kept[at] = add(before, all[s])
		case len(kept) < mostSeries+mostSeries/10:
			kept[at] = all[s]
		}
	}
	return kept
}

func withOverflow(deltas map[Series]bool) map[Series]bool {
	all := maps.Clone(deltas)
	for s := range deltas {
		all[s.overflow()] = true
	}
	return all
}

func compareSeries(a, b Series) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.attrs, b.attrs))
}
