package telemetry

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// ProviderConfig says who reports, where to and how often.
type ProviderConfig struct {
	Instance    Instance
	StatsAddr   string        // host:port of stats' gRPC. Empty: nothing is reported
	InternalKey string        // shown to stats as a bearer token. Empty: none, and stats takes reports from loopback only
	TLS         *tls.Config   // spoken to stats. Nil: none is
	Interval    time.Duration // between two reports. Zero: 1 s
	Advertise   string        // host:port of this instance's debug calls, as stats can reach it. Empty: none
	Log         *slog.Logger  // a line when stats goes away, one when it is back. Nil: slog's default
}

// Provider collects the figures of one service and reports them to stats. It uses none of OpenTelemetry's globals.
// Register figures with Counter, Gauge, Histogram and their plurals, at any time.
type Provider struct {
	figures *figures
	meters  *sdkmetric.MeterProvider
	reports *reporter // nil: nothing is reported
	end     sync.Once
}

// NewProvider starts to report: once an interval, cumulative, over OTLP. It does not wait for stats, which need not
// be there. An error tells of an address that can't be one. The caller calls Shutdown.
func NewProvider(ctx context.Context, c ProviderConfig) (*Provider, error) {
	p := &Provider{figures: &figures{started: c.Instance.Started, version: c.Instance.Version}}
	options := []sdkmetric.Option{sdkmetric.WithResource(newResource(c.Instance, c.Advertise))}
	if c.StatsAddr != "" {
		to, err := connect(ctx, c.StatsAddr, c.InternalKey, c.TLS)
		if err != nil {
			return nil, fmt.Errorf("report to stats at %s: %w", c.StatsAddr, err)
		}
		reader := sdkmetric.NewManualReader(sdkmetric.WithProducer(p.figures))
		options = append(options, sdkmetric.WithReader(reader))
		p.reports = &reporter{reader: reader, to: to, log: cmp.Or(c.Log, slog.Default())}
	}
	p.meters = sdkmetric.NewMeterProvider(options...)
	if p.reports != nil {
		p.reports.start(ctx, cmp.Or(c.Interval, time.Second))
	}
	return p, nil
}

// Shutdown sends a last report and stops. It takes 2 s at most, less if ctx ends before; that the report could not
// be sent is logged. Shutting down again does nothing.
func (p *Provider) Shutdown(ctx context.Context) error {
	var err error
	p.end.Do(func() { err = p.shutdown(ctx) })
	return err
}

func (p *Provider) shutdown(ctx context.Context) error {
	var err error
	if p.reports != nil {
		err = p.reports.stop(ctx)
	}
	if err = errors.Join(err, p.meters.Shutdown(context.WithoutCancel(ctx))); err != nil {
		return fmt.Errorf("shut down telemetry: %w", err)
	}
	return nil
}
