package stats

import (
	"context"
	"net"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	pb "millrace.dev/proto/gen/millrace/v1"
)

func TestWhoMayReport(t *testing.T) {
	const report, read = collector.MetricsService_Export_FullMethodName, pb.StatsService_GetStats_FullMethodName
	for _, c := range []struct {
		name, key, from, shown, method string
		want                           codes.Code
	}{
		{"this machine", "", "127.0.0.1", "", report, codes.OK},
		{"this machine, by IPv6", "", "::1", "", report, codes.OK},
		{"this machine, with a key set", "s3cret", "127.0.0.1", "", report, codes.OK},
		{"another machine without a key set", "", "10.0.0.9", "", report, codes.PermissionDenied},
		{"another machine, a key where none is set", "", "10.0.0.9", "Bearer ", report, codes.PermissionDenied},
		{"another machine without the key", "s3cret", "10.0.0.9", "", report, codes.Unauthenticated},
		{"another machine with a wrong key", "s3cret", "10.0.0.9", "Bearer guess", report, codes.Unauthenticated},
		{"another machine, another scheme", "s3cret", "10.0.0.9", "Basic s3cret", report, codes.Unauthenticated},
		{"another machine with the key", "s3cret", "10.0.0.9", "Bearer s3cret", report, codes.OK},
		{"reading is open", "s3cret", "10.0.0.9", "", read, codes.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(c.from), Port: 4711}})
			if c.shown != "" {
				ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", c.shown))
			}
			called := false
			_, err := gate{key: c.key}.unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: c.method}, func(context.Context, any) (any, error) {
				called = true
				return nil, nil
			})
			if status.Code(err) != c.want || called != (c.want == codes.OK) {
				t.Errorf("error %v, called %v", err, called)
			}
		})
	}
}

func TestACallFromNowhereIsNotOfThisMachine(t *testing.T) {
	if fromLoopback(t.Context()) {
		t.Error("a call without a peer counts as local")
	}
}

func TestAPanicIsTheFailureOfItsCall(t *testing.T) {
	_, err := recoverUnary(quiet())(t.Context(), nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) { panic("oops") })
	if status.Code(err) != codes.Internal {
		t.Errorf("error %v", err)
	}
	err = recoverStream(quiet())(nil, nil, &grpc.StreamServerInfo{}, func(any, grpc.ServerStream) error { panic("oops") })
	if status.Code(err) != codes.Internal {
		t.Errorf("error %v", err)
	}
}
