package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// exportFor bounds one report. The next carries the same totals and more, so none is repeated.
const exportFor = 2 * time.Second

// exporter sends reports and says once that stats went away, and once that it is back. It returns no errors:
// OpenTelemetry would hand each to its global error handler, which writes to standard error once a second.
type exporter struct {
	sdkmetric.Exporter
	conn *grpc.ClientConn
	log  *slog.Logger
	addr string

	mu       sync.Mutex
	away     time.Time // since when; zero: it is there
	closeErr error
	closing  sync.Once
}

func newExporter(ctx context.Context, c ProviderConfig) (*exporter, error) {
	conn, err := dial(c.StatsAddr)
	if err != nil {
		return nil, err
	}
	otlp, err := otlpmetricgrpc.New(ctx,
		otlpmetricgrpc.WithGRPCConn(conn),
		otlpmetricgrpc.WithHeaders(credentials(c.InternalKey)),
		otlpmetricgrpc.WithTimeout(exportFor),
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: false}),
		otlpmetricgrpc.WithTemporalitySelector(sdkmetric.CumulativeTemporalitySelector))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	log := c.Log
	if log == nil {
		log = slog.Default()
	}
	return &exporter{Exporter: otlp, conn: conn, log: log, addr: c.StatsAddr}, nil
}

// dial makes a connection that comes back within about 2 s of stats: gRPC's own backoff grows to two minutes. The
// ping finds a peer that vanished without a word. Proxies of the environment are for the world outside.
func dial(addr string) (*grpc.ClientConn, error) {
	return grpc.NewClient(addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second,
			},
			MinConnectTimeout: exportFor,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}))
}

// credentials are never nil: the exporter would then take what OTEL_EXPORTER_OTLP_HEADERS says.
func credentials(key string) map[string]string {
	if key == "" {
		return map[string]string{}
	}
	return map[string]string{"authorization": "Bearer " + key}
}

// Export sends one report. That it failed is logged where it begins and where it ends, and not returned.
func (e *exporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	err := e.Exporter.Export(ctx, rm)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil // by Shutdown: says nothing about stats
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err != nil && e.away.IsZero():
		e.away = time.Now()
		e.log.Warn("stats can't be reached, reporting goes on when it is back", "addr", e.addr, "error", err)
	case err == nil && !e.away.IsZero():
		e.log.Info("stats is back", "addr", e.addr, "away_for", time.Since(e.away).Round(time.Millisecond))
		e.away = time.Time{}
	}
	return nil
}

// close ends the connection, which is ours and not the OTLP exporter's.
func (e *exporter) close() error {
	e.closing.Do(func() { e.closeErr = e.conn.Close() })
	return e.closeErr
}
