package stats

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/access/accesstest"
	"millrace.dev/pkg/telemetry"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// Over TLS stats takes reports and answers, also to itself, and the keys are asked for as without.
func TestTLS(t *testing.T) {
	cert, key := accesstest.Certificate(t)
	c := Config{Flags: Flags{Forget: time.Minute}, Key: "s3cret", Access: access.Config{TLSCert: cert, TLSKey: key}}
	c.Telemetry = telemetry.Config{LogLevel: "error"}
	p, err := newProcess(c)
	if err != nil {
		t.Fatal(err)
	}
	k, token := mint(t, access.Read)
	p.keys.Set(access.NewRing([]access.Key{k}))
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- p.server.serve(ctx, l) }()
	go func() { ended <- p.report(ctx, l.Addr()) }() // to itself
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	trust, err := access.DialTLS(cert)
	if err != nil {
		t.Fatal(err)
	}
	worker, err := telemetry.NewProvider(t.Context(), telemetry.ProviderConfig{
		Instance: telemetry.NewInstance("worker"), StatsAddr: l.Addr().String(), TLS: trust,
		Interval: 20 * time.Millisecond, Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer shutdown(t, worker)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(trust)),
		grpc.WithPerRPCCredentials(shown(token)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := pb.NewStatsServiceClient(conn).GetStats(t.Context(), &pb.GetStatsRequest{}); err != nil {
		t.Errorf("with the key: %v", err)
	}
	plain := dial(t, l.Addr().String())
	if _, err := pb.NewStatsServiceClient(plain).GetStats(t.Context(), &pb.GetStatsRequest{}); err == nil {
		t.Error("it answers without TLS")
	}
	seen := map[string]bool{}
	deadline := time.After(patience)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for len(seen) < 2 {
		instances, _ := p.feed.look(time.Now())
		for _, i := range instances {
			seen[i.Service] = true
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("reports came from %v", seen)
		}
	}
}

// shown is a key that goes with each call.
type shown string

func (s shown) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(s)}, nil
}

func (shown) RequireTransportSecurity() bool { return true }
