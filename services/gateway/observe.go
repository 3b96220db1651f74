package gateway

import (
	"context"
	"maps"
	"time"

	"millrace.dev/pkg/telemetry"
)

// report tells stats once a second how this gateway is doing, until ctx ends.
func (p *process) report(ctx context.Context, ready func()) error {
	return telemetry.Report(ctx, telemetry.ProviderConfig{
		Instance: p.instance, StatsAddr: p.config.StatsAddr, InternalKey: p.config.Key, TLS: p.config.StatsTLS,
		Advertise: p.config.Advertise, Log: p.log,
	}, func(provider *telemetry.Provider) {
		p.provider = provider
		ready()
	})
}

// observe registers the figures of a gateway.
func (p *process) observe(g *Gateway) {
	all, m := telemetry.With(), g.metrics
	p.provider.Gauge(telemetry.MetricConnections, telemetry.UnitConnections,
		telemetry.With(telemetry.AttrKind, "websocket"), func() int64 { return int64(g.connections.count()) })
	p.provider.Gauge(telemetry.MetricConnections, telemetry.UnitConnections,
		telemetry.With(telemetry.AttrKind, "sse"), func() int64 { return int64(p.dashboard.Clients()) })
	p.provider.Gauge(telemetry.MetricBufferEvents, telemetry.UnitEvents, all, func() int64 { n, _, _ := g.room.used(); return n })
	p.provider.Gauge(telemetry.MetricBufferBytes, telemetry.UnitBytes, all, func() int64 { _, n, _ := g.room.used(); return n })
	p.provider.Gauge(telemetry.MetricBufferCapacity, telemetry.UnitEvents, all, func() int64 { return g.room.limits.events })
	p.provider.Seconds(telemetry.MetricBufferBlocked, all, func() time.Duration { _, _, d := g.room.used(); return d })
	for r, name := range reasonNames {
		p.provider.Gauge(telemetry.MetricGate, telemetry.UnitGates, telemetry.With(telemetry.AttrReason, name),
			func() int64 { return g.gate.level(reason(r)) })
	}
	p.provider.Counter(telemetry.MetricAccepted, telemetry.UnitEvents, all, m.accepted.Load)
	p.provider.Counter(telemetry.MetricDropped, telemetry.UnitEvents, all, m.dropped.Load)
	p.provider.Counter(telemetry.MetricLost, telemetry.UnitEvents, all, g.lost)
	p.provider.Counter(telemetry.MetricAppendFailures, telemetry.UnitFailures, all, m.appendFailures.Load)
	p.provider.Counters(telemetry.MetricRejected, telemetry.UnitEvents, m.rejectedSeries)
	p.provider.Counters(telemetry.MetricHindered, telemetry.UnitEvents, m.hinderedSeries)
	p.provider.Histogram(telemetry.MetricAckDuration, all, &m.ack)
}

// rejectedSeries walks the refusals by code.
func (m *metrics) rejectedSeries(yield func(telemetry.Attrs, uint64) bool) {
	byCode, _ := m.refusals()
	for code, n := range byCode {
		if !yield(telemetry.With(telemetry.AttrReason, code), n) {
			return
		}
	}
}

// hinderedSeries walks what was held back or only counted.
func (m *metrics) hinderedSeries(yield func(telemetry.Attrs, uint64) bool) {
	m.mu.Lock()
	all := maps.Clone(m.hindered)
	m.mu.Unlock()
	for h, n := range all {
		if !yield(telemetry.With(telemetry.AttrReason, h.code, telemetry.AttrOutcome, h.outcome), n) {
			return
		}
	}
}
