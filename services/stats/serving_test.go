package stats

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/telemetry"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serving is a gRPC server of stats without Redis behind it.
type serving struct {
	*server
	addr  string
	feed  *feed
	board *board
	stop  func()
}

// serve starts one that ends with the test.
func serve(t *testing.T, key string) *serving {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{addr: l.Addr().String(), feed: newFeed(time.Minute), board: new(board)}
	newPublisher(s.feed, s.board, "")
	s.server = newServer(s.board, s.feed, gateOf(t, access.Config{}, key, access.NewRing(nil)), nil, quiet())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, l) }()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		done <- nil
	}
	t.Cleanup(s.stop)
	return s
}

// dial connects to it.
func dial(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// provide starts what a process reports with.
func provide(t *testing.T, addr, service string) *telemetry.Provider {
	t.Helper()
	p, err := telemetry.NewProvider(t.Context(), telemetry.ProviderConfig{
		Instance: telemetry.NewInstance(service), StatsAddr: addr, Interval: 20 * time.Millisecond, Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, p) })
	return p
}

// shutdown sends the last report, in which everything is.
func shutdown(t *testing.T, p *telemetry.Provider) {
	t.Helper()
	if err := p.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func containsText(err error, text string) bool { return strings.Contains(err.Error(), text) }
