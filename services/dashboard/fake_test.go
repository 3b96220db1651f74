package dashboard

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	"millrace.dev/pkg/access"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// fakeStats is a stats service on a loopback port that says what it is told to say.
type fakeStats struct {
	pb.UnimplementedStatsServiceServer
	addr string

	mu        sync.Mutex
	server    *grpc.Server
	served    sync.WaitGroup
	stats     *pb.Stats
	changed   chan struct{}
	diagnosis *pb.Diagnosis
	keys      []string // what each call showed as its key
}

// startStats starts one and stops it at the end of the test.
func startStats(t testing.TB) *fakeStats {
	t.Helper()
	f := &fakeStats{addr: "127.0.0.1:0", changed: make(chan struct{}), diagnosis: &pb.Diagnosis{Status: pb.Status_STATUS_OK, Rules: 5}}
	f.start(t)
	t.Cleanup(f.stop)
	return f
}

// start listens at the address that it had before, if any.
func (f *fakeStats) start(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	server := grpc.NewServer()
	pb.RegisterStatsServiceServer(server, f)
	f.mu.Lock()
	f.server = server
	f.mu.Unlock()
	f.served.Go(func() { _ = server.Serve(l) })
}

// stop cuts all connections and waits until nothing runs any more. It may be called again.
func (f *fakeStats) stop() {
	f.mu.Lock()
	server := f.server
	f.mu.Unlock()
	server.Stop()
	f.served.Wait()
}

// say makes s the latest statistics.
func (f *fakeStats) say(s *pb.Stats) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats = s
	close(f.changed)
	f.changed = make(chan struct{})
}

// find makes d the diagnosis.
func (f *fakeStats) find(d *pb.Diagnosis) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.diagnosis = d
}

func (f *fakeStats) now() (*pb.Stats, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats, f.changed
}

// shown returns the keys that calls have shown, and forgets them.
func (f *fakeStats) shown() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := f.keys
	f.keys = nil
	return keys
}

func (f *fakeStats) note(ctx context.Context) {
	md, _ := metadata.FromIncomingContext(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, md.Get("authorization")...)
}

// WatchStats sends what there is at once and then each change.
func (f *fakeStats) WatchStats(_ *pb.WatchStatsRequest, stream grpc.ServerStreamingServer[pb.WatchStatsResponse]) error {
	f.note(stream.Context())
	for {
		s, changed := f.now()
		if s != nil {
			if err := stream.Send(&pb.WatchStatsResponse{Stats: s}); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// Diagnose returns the diagnosis.
func (f *fakeStats) Diagnose(ctx context.Context, _ *pb.DiagnoseRequest) (*pb.DiagnoseResponse, error) {
	f.note(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	return &pb.DiagnoseResponse{Diagnosis: f.diagnosis}, nil
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// accepted is a reading that can be told from others by its number of accepted events.
func accepted(n uint64) *pb.Stats {
	return &pb.Stats{
		Time:   timestamppb.New(noon.Add(time.Duration(n) * time.Second)),
		Totals: &pb.Totals{Accepted: &n},
	}
}

// run runs d and waits for its end when the test is over. The function it returns stops it earlier.
func run(t testing.TB, d *Dashboard) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { done <- d.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// await waits until d has a reading with n accepted events.
func await(t testing.TB, d *Dashboard, n uint64) {
	t.Helper()
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	for {
		r := d.latest.Load()
		if r.stats.GetTotals().GetAccepted() == n {
			return
		}
		select {
		case <-r.superseded:
		case <-timeout.C:
			t.Fatalf("no reading with %d accepted events; the last is %s", n, r.body)
		}
	}
}

// openToAll lets everybody in.
func openToAll(_ access.Scope, h http.Handler) http.Handler { return h }
