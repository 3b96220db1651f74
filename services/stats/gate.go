package stats

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"millrace.dev/pkg/access"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// gate lets those in who may: reports from this machine, and from elsewhere with the internal key, since who may report
// can make figures say what he likes; readers as the gateway does; health everybody.
type gate struct {
	rules *access.Rules
	keys  *access.Keys
	// checks holds one for each question about health that is being asked from elsewhere: anybody may ask, so it is
	// bounded how much of what they say is held.
	checks chan struct{}
}

// mostChecks is how many questions about health from elsewhere are answered at a time.
const mostChecks = 64

func newGate(rules *access.Rules, keys *access.Keys) gate {
	return gate{rules, keys, make(chan struct{}, mostChecks)}
}

// call is asked before anything of a call is received; one that goes on when its key is revoked ends.
func (g gate) call(srv any, to grpc.ServerStream, call *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx, end, err := g.enter(to.Context(), call.FullMethod)
	if err != nil {
		return err
	}
	defer end()
	err = handle(srv, admitted{to, ctx})
	if errors.Is(context.Cause(ctx), access.ErrRevoked) {
		return status.Error(codes.Unauthenticated, access.ErrRevoked.Error())
	}
	return err
}

// admitted is a call that ends with the key that opened it.
type admitted struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (a admitted) Context() context.Context { return a.ctx }

// enter decides on a call; its context then ends with its key.
func (g gate) enter(ctx context.Context, method string) (_ context.Context, end func(), err error) {
	switch {
	case strings.HasPrefix(method, "/"+healthpb.Health_ServiceDesc.ServiceName+"/"):
		return g.check(ctx)
	case method == collector.MetricsService_Export_FullMethodName:
		return g.report(ctx)
	}
	token, shown := tokenOf(ctx)
	c, refusal := g.rules.Decide(g.keys.Ring(), access.Ask{
		Client: g.clientOf(ctx), Need: scopeOf(method), Token: token, Shown: shown,
	})
	if refusal != nil {
		return nil, nil, status.Error(codeOf(refusal), refusal.Message)
	}
	ctx, end = g.keys.While(ctx, c)
	return ctx, end, nil
}

// check lets in who asks about health, which everybody may.
func (g gate) check(ctx context.Context) (_ context.Context, end func(), err error) {
	if g.clientOf(ctx).Loopback {
		return ctx, func() {}, nil
	}
	select {
	case g.checks <- struct{}{}:
		return ctx, func() { <-g.checks }, nil
	default:
		return nil, nil, status.Error(codes.ResourceExhausted, "too many ask about health at a time")
	}
}

// scopeOf is what a call needs. What is served here and not named needs most.
func scopeOf(method string) access.Scope {
	for _, service := range []string{pb.StatsService_ServiceDesc.ServiceName, "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"} {
		if strings.HasPrefix(method, "/"+service+"/") {
			return access.Read
		}
	}
	return access.Admin
}

// report lets in who may report. A key that is shown is judged, from this machine too. The credential of the context
// is internal if the sender is one of our services: it has shown their key, or they have none and it is on this machine.
func (g gate) report(ctx context.Context) (_ context.Context, end func(), err error) {
	client := g.clientOf(ctx)
	token, shown := tokenOf(ctx)
	switch {
	case shown && !g.rules.Internal(token):
		return nil, nil, status.Error(codes.Unauthenticated,
			"the key that came with the report is not the internal key here: --internal-key must be the same on both sides")
	case !shown && !client.Loopback:
		return nil, nil, status.Error(codes.Unauthenticated,
			"a report from another machine needs the internal key (authorization: Bearer): set --internal-key on both sides")
	}
	c := access.Credential{Internal: shown || !g.rules.AsksInternal(), Client: client}
	return access.With(ctx, c), func() {}, nil
}

// codeOf is what gRPC calls a refusal.
func codeOf(r *access.Refusal) codes.Code {
	switch r.Status {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.PermissionDenied
}

func tokenOf(ctx context.Context) (token string, shown bool) {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, value := range md.Get("authorization") {
		if token, shown := access.Bearer(value); shown {
			return token, true
		}
	}
	return "", false
}

// clientOf is where a call comes from, proxies included: they say for whom as over HTTP.
func (g gate) clientOf(ctx context.Context) access.Client {
	var from netip.Addr
	if p, ok := peer.FromContext(ctx); ok {
		if tcp, ok := p.Addr.(*net.TCPAddr); ok {
			from, _ = netip.AddrFromSlice(tcp.IP)
		}
	}
	md, _ := metadata.FromIncomingContext(ctx)
	header := make(http.Header, len(md))
	for name, values := range md {
		header[http.CanonicalHeaderKey(name)] = values
	}
	return g.rules.ClientAt(from, header)
}
