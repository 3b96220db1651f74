package stats

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// gate lets reports in from this machine, and from elsewhere with the internal key: who may report can make figures
// say what he likes. Whoever reaches the address may read.
type gate struct{ key string }

func (g gate) unary(ctx context.Context, in any, call *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if call.FullMethod == collector.MetricsService_Export_FullMethodName {
		if err := g.mayReport(ctx); err != nil {
			return nil, err
		}
	}
	return handle(ctx, in)
}

func (g gate) mayReport(ctx context.Context) error {
	switch {
	case fromLoopback(ctx):
		return nil
	case g.key == "":
		return status.Error(codes.PermissionDenied, "reports are taken from this machine only: set --internal-key on both sides")
	case !g.shown(ctx):
		return status.Error(codes.Unauthenticated, "a report from another machine needs the internal key (authorization: Bearer)")
	}
	return nil
}

// shown says whether a call carries the key. The time that it takes does not depend on what was shown.
func (g gate) shown(ctx context.Context) bool {
	md, _ := metadata.FromIncomingContext(ctx)
	want := sha256.Sum256([]byte(g.key))
	for _, value := range md.Get("authorization") {
		scheme, token, _ := strings.Cut(value, " ")
		got := sha256.Sum256([]byte(token))
		if strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			return true
		}
	}
	return false
}

func fromLoopback(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	tcp, ok := p.Addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// recoverUnary turns a panic in a call into its failure: one message must not end the process.
func recoverUnary(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, call *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (_ any, err error) {
		defer recovered(log, call.FullMethod, &err)
		return handle(ctx, in)
	}
}

func recoverStream(log *slog.Logger) grpc.StreamServerInterceptor {
	return func(srv any, to grpc.ServerStream, call *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
		defer recovered(log, call.FullMethod, &err)
		return handle(srv, to)
	}
}

func recovered(log *slog.Logger, method string, err *error) {
	if v := recover(); v != nil {
		log.Error("a call panicked", "method", method, "panic", v, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "a fault of stats; its log says more")
	}
}
