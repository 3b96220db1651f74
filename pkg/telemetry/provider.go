package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// flushFor bounds Shutdown: the last report matters less than that the process ends.
const flushFor = 2 * time.Second

// ProviderConfig says who reports, where to and how often.
type ProviderConfig struct {
	Instance    Instance
	StatsAddr   string        // host:port of stats' gRPC. Empty: nothing is reported
	InternalKey string        // shown to stats as a bearer token. Empty: none, and stats takes reports from loopback only
	Interval    time.Duration // between two reports. Zero: 1 s
	Advertise   string        // host:port of this instance's debug calls, as stats can reach it. Empty: none
	Log         *slog.Logger  // a line when stats goes away, one when it is back. Nil: slog's default
}

// Provider collects the figures of one service and reports them to stats. It uses none of OpenTelemetry's globals.
// Register figures with Counter, Gauge, Histogram and their plurals, at any time.
type Provider struct {
	figures *figures
	meters  *sdkmetric.MeterProvider
	report  *exporter // nil where nothing is reported
}

// NewProvider starts to report: once an interval, cumulative, over OTLP. It does not wait for stats, and stats need
// not be there. An error tells of an address that can't be one.
func NewProvider(ctx context.Context, c ProviderConfig) (*Provider, error) {
	p := &Provider{figures: &figures{started: c.Instance.Started, version: c.Instance.Version}}
	options := []sdkmetric.Option{sdkmetric.WithResource(newResource(c.Instance, c.Advertise))}
	if c.StatsAddr != "" {
		report, err := newExporter(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("report to stats at %s: %w", c.StatsAddr, err)
		}
		p.report = report
		options = append(options, sdkmetric.WithReader(newReader(report, p.figures, c.Interval)))
	}
	p.meters = sdkmetric.NewMeterProvider(options...)
	return p, nil
}

// newReader starts the goroutine that collects and reports; MeterProvider.Shutdown ends it and waits for it.
func newReader(e sdkmetric.Exporter, f *figures, interval time.Duration) sdkmetric.Reader {
	if interval <= 0 {
		interval = time.Second
	}
	return sdkmetric.NewPeriodicReader(e,
		sdkmetric.WithInterval(interval), sdkmetric.WithTimeout(exportFor), sdkmetric.WithProducer(f))
}

// Shutdown sends a last report and stops. It takes 2 s at most, less if ctx ends before. Shutting down again does
// nothing.
func (p *Provider) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushFor)
	defer cancel()
	err := p.meters.Shutdown(ctx)
	if errors.Is(err, sdkmetric.ErrReaderShutdown) {
		err = nil
	}
	if p.report != nil {
		err = errors.Join(err, p.report.close())
	}
	if err != nil {
		return fmt.Errorf("shut down telemetry: %w", err)
	}
	return nil
}
