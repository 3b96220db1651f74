package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// connection is OTLP's exporter with the gRPC connection below it, which is ours to close.
type connection struct {
	*otlpmetricgrpc.Exporter
	grpc *grpc.ClientConn
	addr string
}

// connect prepares to send to addr, without waiting for anybody there. Nil: without TLS.
func connect(ctx context.Context, addr, key string, secure *tls.Config) (*connection, error) {
	conn, err := dial(addr, transport(secure))
	if err != nil {
		return nil, err
	}
	exporter, err := otlpmetricgrpc.New(ctx,
		otlpmetricgrpc.WithGRPCConn(conn),
		otlpmetricgrpc.WithHeaders(authorization(key)),
		otlpmetricgrpc.WithTimeout(reportFor),
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: false}),
		otlpmetricgrpc.WithTemporalitySelector(sdkmetric.CumulativeTemporalitySelector))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &connection{Exporter: exporter, grpc: conn, addr: addr}, nil
}

// close lets go of the exporter, which has nothing left to send, and closes the connection.
func (c *connection) close() error {
	return errors.Join(c.Exporter.Shutdown(context.Background()), c.grpc.Close())
}

// dial makes a connection that is there again within about 2 s of stats: gRPC's own backoff grows to two minutes.
// The ping finds a peer that vanished without a word. Proxies of the environment are for the world outside.
func dial(addr string, over credentials.TransportCredentials) (*grpc.ClientConn, error) {
	return grpc.NewClient(addr,
		grpc.WithTransportCredentials(over),
		grpc.WithNoProxy(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second,
			},
			MinConnectTimeout: reportFor,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}))
}

// transport is what gRPC's connections are made of.
func transport(secure *tls.Config) credentials.TransportCredentials {
	if secure == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(secure)
}

// authorization is never nil: the exporter would then send what OTEL_EXPORTER_OTLP_HEADERS says.
func authorization(key string) map[string]string {
	if key == "" {
		return map[string]string{}
	}
	return map[string]string{"authorization": "Bearer " + key}
}
