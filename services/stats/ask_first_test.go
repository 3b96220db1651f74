package stats

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// begun is a call of a stranger, of which nothing but its beginning is sent.
func begun(t *testing.T, ctx context.Context, conn *grpc.ClientConn, method string) grpc.ClientStream {
	t.Helper()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-forwarded-for", "10.0.0.9")
	call, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	return call
}

// Who may not call is told so before anything is received, so many unfinished calls hold nothing.
func TestStrangersAreRefusedBeforeTheirMessage(t *testing.T) {
	s := serve(t, "s3cret")
	conn := dial(t, s.addr)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, method := range []string{reporting, readStats, reflecting, debugging} {
		for range 2 * mostStreams { // nothing is left of those before
			err := begun(t, ctx, conn, method).RecvMsg(nil)
			if code := status.Code(err); code != codes.Unauthenticated && code != codes.PermissionDenied && code != codes.Unimplemented {
				t.Fatalf("%s: %v", method, err)
			}
		}
	}
}

// Anybody may ask about health, but not hold as much as they like.
func TestStrangersAskAboutHealthOnlySoOften(t *testing.T) {
	s := serve(t, "s3cret")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range mostChecks/mostStreams + 1 { // more than are answered: some may come behind the one below
		conn := dial(t, s.addr)
		for range mostStreams {
			begun(t, ctx, conn, checking)
		}
	}
	another := dial(t, s.addr)
	if _, err := healthpb.NewHealthClient(another).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err) // connected, before anybody looks at the clock
	}
	refused := func() bool {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return status.Code(begun(t, short, another, checking).RecvMsg(nil)) == codes.ResourceExhausted
	}
	for !refused() { // those that were begun before have not all arrived
		if ctx.Err() != nil {
			t.Fatal("one more is answered")
		}
	}
	if _, err := healthpb.NewHealthClient(dial(t, s.addr)).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("this machine: %v", err)
	}
}

// What is beyond the bound is closed at once, and there is room again after one has left.
func TestConnectionsAreBounded(t *testing.T) {
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := atMost(2, inner)
	accepted := make(chan net.Conn)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	come := func() net.Conn {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	come()
	first := <-accepted
	come()
	second := <-accepted
	defer second.Close()
	if n, err := come().Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a third is kept")
	}
	_ = first.Close()
	_ = first.Close() // which makes no more room
	come()
	third := <-accepted
	defer third.Close()
	if n, err := come().Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a fourth is kept")
	}
}
