package stats

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // stock exporters may compress their reports
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	pb "millrace.dev/proto/gen/millrace/v1"
)

const (
	// mostReceived bounds a message: a report has some ten kilobytes, a stock exporter's some hundred.
	mostReceived = 1 << 20
	// mostHeader bounds the metadata of a call, which arrive before anybody can be asked who they are.
	mostHeader = 32 << 10
	// mostStreams bounds the calls of one connection at a time.
	mostStreams = 64
	// mostConnections bounds those that are open: of all gateways, workers and readers.
	mostConnections = 1000
	// finishFor is how long calls under way may take once the server stops.
	finishFor = 2 * time.Second
)

// server is the gRPC server: statistics, reports, health and reflection on one address.
type server struct {
	grpc    *grpc.Server
	health  *health.Server
	service *service
}

// newServer makes one that speaks TLS, if it is told how.
func newServer(b *board, f *feed, g gate, secure *tls.Config, log *slog.Logger) *server {
	over := insecure.NewCredentials()
	if secure != nil {
		over = credentials.NewTLS(secure)
	}
	s := &server{
		grpc: grpc.NewServer(
			grpc.Creds(over),
			grpc.MaxRecvMsgSize(mostReceived),
			grpc.MaxHeaderListSize(mostHeader),
			grpc.MaxConcurrentStreams(mostStreams),
			grpc.ConnectionTimeout(10*time.Second),
			// Other services ping every 10 s to find out that we are gone; gRPC's default calls that an attack.
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
			grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
			grpc.UnaryInterceptor(notAsked),
			grpc.ChainStreamInterceptor(recovering(log), g.call),
		),
		health:  health.NewServer(),
		service: &service{board: b, closing: make(chan struct{})},
	}
	to := askFirst{s.grpc}
	pb.RegisterStatsServiceServer(to, s.service)
	collector.RegisterMetricsServiceServer(to, &receiver{feed: f})
	healthpb.RegisterHealthServer(to, s.health)
	reflection.Register(to)
	s.healthy(false)
	return s
}

// serve answers until ctx ends: then streams are ended, calls under way get 2 s, and connections are cut.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- s.grpc.Serve(atMost(mostConnections, l)) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	s.health.Shutdown()
	close(s.service.closing)
	cut := time.AfterFunc(finishFor, s.grpc.Stop)
	defer cut.Stop()
	s.grpc.GracefulStop()
	if err := <-ended; !errors.Is(err, grpc.ErrServerStopped) { // that is: before it had begun to serve
		return err
	}
	return nil
}

// healthy tells gRPC's health service whether statistics are more than "not known".
func (s *server) healthy(ok bool) {
	state := healthpb.HealthCheckResponse_NOT_SERVING
	if ok {
		state = healthpb.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus(pb.StatsService_ServiceDesc.ServiceName, state)
}
