package telemetry

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"millrace.dev/pkg/histogram"
)

type kind int

const (
	counter  kind = iota + 1 // integers that only grow
	seconds                  // durations that only grow
	gauge                    // integers
	recorded                 // recorders
)

// metric is all that was registered under one name. kind says which of the sources it has.
type metric struct {
	name, unit string
	kind       kind
	integers   []iter.Seq2[Attrs, int64]
	durations  []iter.Seq2[Attrs, time.Duration]
	recorders  []iter.Seq2[Attrs, *histogram.Recorder]
}

// figures are the metrics of a service. It is a producer for OpenTelemetry's reader: what it reads are plain atomics,
// so that a hot path pays nothing for being measured twice.
type figures struct {
	started time.Time
	version string

	mu      sync.Mutex
	metrics []metric
}

// add puts more sources under a name. One name has one kind and one unit: anything else is a slip in the program.
func (f *figures) add(more metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.metrics, func(m metric) bool { return m.name == more.name })
	if i < 0 {
		f.metrics = append(f.metrics, more)
		return
	}
	m := &f.metrics[i]
	if m.kind != more.kind || m.unit != more.unit {
		panic(fmt.Sprintf("telemetry: %s registered twice, with different kinds or units", m.name))
	}
	m.integers = append(m.integers, more.integers...)
	m.durations = append(m.durations, more.durations...)
	m.recorders = append(m.recorders, more.recorders...)
}

// Produce reads all figures; it is metric.Producer.
func (f *figures) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	f.mu.Lock()
	metrics := slices.Clone(f.metrics) // a source may take its time, or register another
	f.mu.Unlock()

	// By the time that passes and not by the clock: after one that was set back, all reports would be older than the
	// last, and this process would count as gone until it has caught up.
	span := span{start: f.started, now: f.started.Add(time.Since(f.started))}
	out := make([]metricdata.Metrics, 0, len(metrics))
	for _, m := range metrics {
		out = append(out, metricdata.Metrics{Name: m.name, Unit: m.unit, Data: m.collect(span)})
	}
	scope := instrumentation.Scope{Name: "millrace.dev/pkg/telemetry", Version: f.version}
	return []metricdata.ScopeMetrics{{Scope: scope, Metrics: out}}, nil
}

func (m metric) collect(s span) metricdata.Aggregation {
	switch m.kind {
	case counter:
		return s.sum(m.integers)
	case seconds:
		return s.secondsSum(m.durations)
	case gauge:
		return s.gauge(m.integers)
	}
	return s.histogram(m.recorders)
}
