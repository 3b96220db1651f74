package worker

import (
	"millrace.dev/pkg/stream/consume"
	"millrace.dev/pkg/telemetry"
)

// observe registers the figures of a pipeline.
func observe(p *telemetry.Provider, pipeline string, m *consume.Metrics) {
	of := func(more ...string) telemetry.Attrs {
		return telemetry.With(append([]string{telemetry.AttrPipeline, pipeline}, more...)...)
	}
	outcome := func(name string, read func() uint64) {
		p.Counter(telemetry.MetricEvents, telemetry.UnitEvents, of(telemetry.AttrOutcome, name), read)
	}
	outcome("processed", m.Processed.Load)
	outcome("filtered", m.Filtered.Load)
	outcome("dead", m.Dead.Load)
	p.Gauge(telemetry.MetricHandlers, telemetry.UnitHandlers, of(telemetry.AttrState, "busy"), m.Busy.Load)
	p.Gauge(telemetry.MetricHandlers, telemetry.UnitHandlers, of(telemetry.AttrState, "idle"), func() int64 {
		return max(0, m.Handlers.Load()-m.Busy.Load()) // two readings: one may have moved on
	})
	p.Counter(telemetry.MetricTakenOver, telemetry.UnitEntries, of(), m.TakenOver.Load)
	p.Histogram(telemetry.MetricHandlerDuration, of(), &m.Handling)
	p.Histogram(telemetry.MetricEndToEndDuration, of(), &m.EndToEnd)
}
