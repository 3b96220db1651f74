package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const (
	// reportFor bounds one report. The next carries the same totals and more, so none is repeated.
	reportFor = 2 * time.Second
	// flushFor bounds the last one: it matters less than that the process ends.
	flushFor = 2 * time.Second
)

// reporter sends all figures once an interval, and says once that stats went away and once that it is back. It does
// what OpenTelemetry's periodic reader does, whose errors would go to a global handler and from there to standard
// error, once a second.
type reporter struct {
	reader *sdkmetric.ManualReader
	to     *connection
	log    *slog.Logger

	away   time.Time // since when stats does not answer; zero: it does. Of the loop, and of stop after it
	cancel context.CancelFunc
	loop   sync.WaitGroup
}

// start begins the loop, which stop ends.
func (r *reporter) start(ctx context.Context, interval time.Duration) {
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.loop.Go(func() {
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				r.report(ctx, reportFor)
			}
		}
	})
}

// stop ends the loop, sends a last report and closes the connection.
func (r *reporter) stop(ctx context.Context) error {
	r.cancel()
	r.loop.Wait()
	r.report(ctx, flushFor)
	return r.to.close()
}

func (r *reporter) report(ctx context.Context, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var all metricdata.ResourceMetrics
	err := r.reader.Collect(ctx, &all)
	if err == nil {
		err = r.to.Export(ctx, &all)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return // we stop, which says nothing about stats
	}
	r.note(err)
}

// note logs the outcome of a report where it is another than the last one's.
func (r *reporter) note(err error) {
	switch {
	case err != nil && r.away.IsZero():
		r.away = time.Now()
		r.log.Warn("stats can't be reached, reporting goes on when it is back", "addr", r.to.addr, "error", err)
	case err == nil && !r.away.IsZero():
		r.log.Info("stats is back", "addr", r.to.addr, "away_for", time.Since(r.away).Round(time.Millisecond))
		r.away = time.Time{}
	}
}
