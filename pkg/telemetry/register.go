package telemetry

import (
	"iter"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"millrace.dev/pkg/histogram"
)

// The units of metrics, as OpenTelemetry writes them (UCUM).
const (
	UnitEvents      = "{event}"
	UnitEntries     = "{entry}"
	UnitConnections = "{connection}"
	UnitHandlers    = "{handler}"
	UnitFailures    = "{failure}"
	UnitGates       = "{gate}"
	UnitBytes       = "By"
	UnitSeconds     = "s"
)

// Attrs are the attributes of one series, made by With.
type Attrs = attribute.Set

// With returns attributes from pairs of key and value: With(AttrPipeline, "count"). It panics on half a pair.
func With(pairs ...string) Attrs {
	if len(pairs)%2 != 0 {
		panic("telemetry: attribute without a value: " + pairs[len(pairs)-1])
	}
	attrs := make([]attribute.KeyValue, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		attrs = append(attrs, attribute.String(pairs[i], pairs[i+1]))
	}
	return attribute.NewSet(attrs...)
}

// Counter registers a total that only grows. read is called once a report, from another goroutine.
func (p *Provider) Counter(name, unit string, attrs Attrs, read func() uint64) {
	p.Counters(name, unit, one(attrs, read))
}

// Counters registers totals whose attributes appear at run time, such as refusals by reason: each report walks all.
func (p *Provider) Counters(name, unit string, all iter.Seq2[Attrs, uint64]) {
	p.figures.add(metric{name: name, unit: unit, kind: counter, integers: sources(integers(all))})
}

// Seconds registers a total of seconds that only grows.
func (p *Provider) Seconds(name string, attrs Attrs, read func() time.Duration) {
	p.figures.add(metric{name: name, unit: UnitSeconds, kind: seconds, durations: sources(one(attrs, read))})
}

// Gauge registers a figure that goes up and down.
func (p *Provider) Gauge(name, unit string, attrs Attrs, read func() int64) {
	p.Gauges(name, unit, one(attrs, read))
}

// Gauges registers gauges whose attributes appear at run time.
func (p *Provider) Gauges(name, unit string, all iter.Seq2[Attrs, int64]) {
	p.figures.add(metric{name: name, unit: unit, kind: gauge, integers: sources(all)})
}

// Histogram registers the durations of a recorder.
func (p *Provider) Histogram(name string, attrs Attrs, r *histogram.Recorder) {
	p.Histograms(name, one(attrs, func() *histogram.Recorder { return r }))
}

// Histograms registers recorders whose attributes appear at run time.
func (p *Provider) Histograms(name string, all iter.Seq2[Attrs, *histogram.Recorder]) {
	p.figures.add(metric{name: name, unit: UnitSeconds, kind: recorded, recorders: sources(all)})
}

// one is a sequence of a single series.
func one[V any](attrs Attrs, read func() V) iter.Seq2[Attrs, V] {
	return func(yield func(Attrs, V) bool) { yield(attrs, read()) }
}

func integers(all iter.Seq2[Attrs, uint64]) iter.Seq2[Attrs, int64] {
	return func(yield func(Attrs, int64) bool) {
		for attrs, n := range all {
			if !yield(attrs, int64(n)) {
				return
			}
		}
	}
}

func sources[V any](all iter.Seq2[Attrs, V]) []iter.Seq2[Attrs, V] {
	return []iter.Seq2[Attrs, V]{all}
}
