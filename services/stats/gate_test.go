package stats

import (
	"context"
	"net"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/telemetry"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// gateOf is a gate that knows these keys; a ring of nil is that it knows none yet.
func gateOf(t *testing.T, c access.Config, internal string, ring *access.Ring) gate {
	t.Helper()
	rules, err := c.Rules(internal)
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(rules, new(access.Keys))
	if ring != nil {
		g.keys.Set(ring)
	}
	return g
}

// mint makes a key.
func mint(t *testing.T, scopes access.Scope) (access.Key, string) {
	t.Helper()
	k, token, err := access.Mint("test", scopes, "", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return k, token
}

const (
	reporting  = collector.MetricsService_Export_FullMethodName
	readStats  = pb.StatsService_GetStats_FullMethodName
	reflecting = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	debugging  = "/millrace.v1.DebugService/GetMemory"
	checking   = healthpb.Health_Check_FullMethodName
)

func TestWhoMayCall(t *testing.T) {
	reader, readToken := mint(t, access.Read)
	sender, sendToken := mint(t, access.Publish)
	none, keys := access.NewRing(nil), access.NewRing([]access.Key{reader, sender})
	const key, internal = "s3cret", "Bearer s3cret"
	for _, c := range []struct {
		name   string
		config access.Config
		ring   *access.Ring
		key    string
		from   string
		shown  []string // metadata
		method string
		want   codes.Code
	}{
		{"this machine reports", access.Config{}, none, "", "127.0.0.1", nil, reporting, codes.OK},
		{"this machine reports, by IPv6", access.Config{}, none, "", "::1", nil, reporting, codes.OK},
		{"this machine reports, with a key set", access.Config{}, none, key, "127.0.0.1", nil, reporting, codes.OK},
		{"this machine reports with a wrong key", access.Config{}, none, key, "127.0.0.1", []string{"authorization", "Bearer guess"}, reporting, codes.Unauthenticated},
		{"this machine reports with a key where none is set", access.Config{}, none, "", "127.0.0.1", []string{"authorization", internal}, reporting, codes.Unauthenticated},
		{"this machine reports before keys are known", access.Config{}, nil, "", "127.0.0.1", nil, reporting, codes.OK},
		{"a report through a proxy", access.Config{}, none, "", "127.0.0.1", []string{"x-forwarded-for", "127.0.0.1"}, reporting, codes.Unauthenticated},
		{"another machine reports, no key set", access.Config{}, none, "", "10.0.0.9", nil, reporting, codes.Unauthenticated},
		{"another machine reports, a key where none is set", access.Config{}, none, "", "10.0.0.9", []string{"authorization", "Bearer "}, reporting, codes.Unauthenticated},
		{"another machine reports without the key", access.Config{}, none, key, "10.0.0.9", nil, reporting, codes.Unauthenticated},
		{"another machine reports with a wrong key", access.Config{}, none, key, "10.0.0.9", []string{"authorization", "Bearer guess"}, reporting, codes.Unauthenticated},
		{"another machine reports by another scheme", access.Config{}, none, key, "10.0.0.9", []string{"authorization", "Basic s3cret"}, reporting, codes.Unauthenticated},
		{"another machine reports with the key", access.Config{}, none, key, "10.0.0.9", []string{"authorization", internal}, reporting, codes.OK},
		{"a reader's key does not report", access.Config{}, keys, key, "10.0.0.9", []string{"authorization", "Bearer " + readToken}, reporting, codes.Unauthenticated},
		{"everybody reads, nobody reports", access.Config{AllowAnonymous: true}, none, key, "10.0.0.9", nil, reporting, codes.Unauthenticated},

		{"this machine reads", access.Config{}, none, "", "127.0.0.1", nil, readStats, codes.OK},
		{"this machine reads before keys are known", access.Config{}, nil, "", "127.0.0.1", nil, readStats, codes.OK},
		{"this machine reads once there are keys", access.Config{}, keys, "", "127.0.0.1", nil, readStats, codes.Unauthenticated},
		{"another machine reads", access.Config{}, none, "", "10.0.0.9", nil, readStats, codes.PermissionDenied},
		{"another machine reads before keys are known", access.Config{}, nil, "", "10.0.0.9", nil, readStats, codes.Unavailable},
		{"everybody may read", access.Config{AllowAnonymous: true}, keys, "", "10.0.0.9", nil, readStats, codes.OK},
		{"a wrong key where everybody may read", access.Config{AllowAnonymous: true}, keys, "", "10.0.0.9", []string{"authorization", "Bearer guess"}, readStats, codes.Unauthenticated},
		{"a key", access.Config{}, keys, "", "10.0.0.9", []string{"authorization", "Bearer " + readToken}, readStats, codes.OK},
		{"a key without the scope", access.Config{}, keys, "", "10.0.0.9", []string{"authorization", "Bearer " + sendToken}, readStats, codes.PermissionDenied},
		{"a service reads", access.Config{}, keys, key, "10.0.0.9", []string{"authorization", internal}, readStats, codes.OK},
		{"a service reads before keys are known", access.Config{}, nil, key, "10.0.0.9", []string{"authorization", internal}, readStats, codes.OK},
		{"reflection", access.Config{}, keys, "", "10.0.0.9", []string{"authorization", "Bearer " + readToken}, reflecting, codes.OK},
		{"reflection without a key", access.Config{}, keys, "", "127.0.0.1", nil, reflecting, codes.Unauthenticated},
		{"what else there is needs admin", access.Config{}, keys, "", "10.0.0.9", []string{"authorization", "Bearer " + readToken}, debugging, codes.PermissionDenied},
		{"a service debugs", access.Config{}, keys, key, "10.0.0.9", []string{"authorization", internal}, debugging, codes.OK},
		{"health", access.Config{}, keys, key, "10.0.0.9", nil, checking, codes.OK},
		{"health before keys are known", access.Config{}, nil, key, "10.0.0.9", []string{"authorization", "Bearer guess"}, checking, codes.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(c.from), Port: 4711}})
			if len(c.shown) > 0 {
				ctx = metadata.NewIncomingContext(ctx, metadata.Pairs(c.shown...))
			}
			g := gateOf(t, c.config, c.key, c.ring)
			called := false
			err := g.call(nil, onStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: c.method}, func(any, grpc.ServerStream) error {
				called = true
				return nil
			})
			if status.Code(err) != c.want || called != (c.want == codes.OK) {
				t.Errorf("error %v, called: %v", err, called)
			}
		})
	}
}

// Only one of our services says where debug calls go.
func TestWhoseDebugAddressIsBelieved(t *testing.T) {
	for _, c := range []struct {
		name, key, from string
		shown           []string
		want            string
	}{
		{"this machine, without any key", "", "127.0.0.1", nil, "10.0.0.7:1"},
		{"this machine, the key not shown", "s3cret", "127.0.0.1", nil, ""},
		{"this machine, the key shown", "s3cret", "127.0.0.1", []string{"authorization", "Bearer s3cret"}, "10.0.0.7:1"},
		{"another machine, the key shown", "s3cret", "10.0.0.9", []string{"authorization", "Bearer s3cret"}, "10.0.0.7:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(c.from), Port: 4711}})
			ctx = metadata.NewIncomingContext(ctx, metadata.Pairs(c.shown...))
			r := receiver{feed: newFeed(time.Minute)}
			err := gateOf(t, access.Config{}, c.key, nil).call(nil, onStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: reporting},
				func(_ any, to grpc.ServerStream) error {
					_, err := r.Export(to.Context(), requestFrom("10.0.0.7:1"))
					return err
				})
			all, _ := r.feed.look(time.Now())
			if err != nil || len(all) != 1 || all[0].DebugAddr != c.want {
				t.Errorf("instances %+v (%v), want the address %q", all, err, c.want)
			}
		})
	}
}

// requestFrom is a report that names that debug address.
func requestFrom(debugAddr string) *collector.ExportMetricsServiceRequest {
	var attrs []*common.KeyValue
	for key, value := range map[string]string{
		telemetry.ResourceInstance: "gateway-1", telemetry.ResourceService: "gateway", telemetry.ResourceDebugAddr: debugAddr,
	} {
		attrs = append(attrs, &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}})
	}
	return &collector.ExportMetricsServiceRequest{ResourceMetrics: []*otlp.ResourceMetrics{{Resource: &resource.Resource{Attributes: attrs}}}}
}

// onStream is a stream that has nothing but a context.
type onStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s onStream) Context() context.Context { return s.ctx }

// What streams by a key that is revoked ends.
func TestRevokingEndsAStream(t *testing.T) {
	k, token := mint(t, access.Read)
	g := gateOf(t, access.Config{}, "", access.NewRing([]access.Key{k}))
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+token))
	err := g.call(nil, onStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: pb.StatsService_WatchStats_FullMethodName},
		func(_ any, to grpc.ServerStream) error {
			g.keys.Set(access.NewRing(nil))
			<-to.Context().Done()
			return to.Context().Err()
		})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("error %v", err)
	}
}

func TestACallFromNowhereIsNotOfThisMachine(t *testing.T) {
	if gateOf(t, access.Config{}, "", nil).clientOf(t.Context()).Loopback {
		t.Error("a call without a peer counts as local")
	}
}

func TestAPanicIsTheFailureOfItsCall(t *testing.T) {
	err := recovering(quiet())(nil, nil, &grpc.StreamServerInfo{}, func(any, grpc.ServerStream) error { panic("oops") })
	if status.Code(err) != codes.Internal {
		t.Errorf("error %v", err)
	}
}
