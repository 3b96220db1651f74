package stats

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/consume"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/pkg/stream/produce"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
	"millrace.dev/pkg/telemetry"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// start runs stats until the test ends, and returns a client.
func start(t *testing.T, redisURL string) (client pb.StatsServiceClient, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := make(chan string, 1), make(chan error, 1)
	c := Config{
		Flags: Flags{Forget: 10 * time.Minute}, GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0",
		Redis:     stream.Config{URL: redisURL, Partitions: 2, PoolMax: 10, Timeout: time.Second},
		Telemetry: telemetry.Config{LogLevel: "error"},
		Listening: func(a string) { addr <- a },
	}
	go func() { done <- Run(ctx, c) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		done <- nil
	}
	t.Cleanup(stop)
	return pb.NewStatsServiceClient(dial(t, <-addr)), stop
}

// until asks until what holds.
func until(t *testing.T, client pb.StatsServiceClient, what string, holds func(*pb.Stats, *pb.Diagnosis) bool) *pb.Stats {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); ; {
		got, err := client.GetStats(t.Context(), &pb.GetStatsRequest{}, grpc.WaitForReady(true))
		if err != nil {
			t.Fatal(err)
		}
		found, err := client.Diagnose(t.Context(), &pb.DiagnoseRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if holds(got.GetStats(), found.GetDiagnosis()) {
			return got.GetStats()
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s; last %v\n%v", what, got, found)
		}
		_ = stream.Sleep(t.Context(), 50*time.Millisecond)
	}
}

func raised(d *pb.Diagnosis, id string) bool {
	return slices.ContainsFunc(d.GetFindings(), func(f *pb.Finding) bool {
		return f.GetId() == id && (f.GetStatus() == pb.Status_STATUS_WARN || f.GetStatus() == pb.Status_STATUS_CRIT)
	})
}

// send appends events of a type as a gateway does.
func send(t *testing.T, s *stream.Stream, kind string, n int) {
	t.Helper()
	var f event.Frame
	part := produce.Part{Events: n}
	for i := range n {
		if err := f.DecodeJSON(fmt.Appendf(nil, `{"id":"%d","type":%q}`, i, kind), event.DefaultLimits()); err != nil {
			t.Fatal(err)
		}
		part.Bytes = event.AppendMember(part.Bytes, &f.Events[0], &event.Defaults{Source: "/test", Received: time.Now()})
	}
	a := produce.NewAppender(s, telemetry.NewInstance("gateway").ID, time.Hour)
	if err := a.Append(t.Context(), []*produce.Batch{{Partition: 1, Parts: []produce.Part{part}}}); err != nil {
		t.Fatal(err)
	}
}

// work runs the built-in pipeline until the test ends.
func work(t *testing.T, s *stream.Stream) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- consume.Run(ctx, s, consume.Config{Pipeline: state.CountPipeline, Instance: "worker-test", Lease: time.Second},
			func(_ context.Context, batch []consume.Delivery) []consume.Result {
				results := make([]consume.Result, len(batch))
				for i := range batch {
					results[i] = consume.Done(state.Add{Key: batch[i].Type, Count: 1})
				}
				return results
			})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("consume: %v", err)
		}
	})
}

func open(t *testing.T, url string) *stream.Stream {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{URL: url, Partitions: 2, PoolMax: 10, Timeout: time.Second, Limits: "any", Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A stream through its life: work, an outage, a loss of everything.
func TestRunAgainstRedis(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "everysec"})
	client, _ := start(t, srv.URL)
	s := open(t, srv.URL)
	if err := produce.WriteCounts(t.Context(), s, "gateway-gone", 3, 4); err != nil {
		t.Fatal(err)
	}
	until(t, client, "nobody works", func(_ *pb.Stats, d *pb.Diagnosis) bool { return raised(d, "MR-WORKER-001") })
	work(t, s)
	send(t, s, "test", 1000)
	before := until(t, client, "all processed, and nothing to complain about", func(s *pb.Stats, d *pb.Diagnosis) bool {
		return s.GetTotals().GetProcessed() == 1000 && !raised(d, "MR-WORKER-001")
	})
	if t1 := before.GetTotals(); t1.GetAccepted() != 1000 || t1.GetRejected() != 3 || t1.GetDropped() != 4 || t1.GetPending() != 0 {
		t.Errorf("totals %v", t1)
	}
	if len(before.GetTypes()) != 1 || before.GetTypes()[0].GetCount() != 1000 || before.Missing == nil || before.GetMissing() != 0 {
		t.Errorf("types %v, missing %v", before.GetTypes(), before.Missing)
	}
	until(t, client, "rates", func(s *pb.Stats, _ *pb.Diagnosis) bool { return s.GetRates().InPerS != nil })
	if !slices.ContainsFunc(before.GetInstances(), func(i *pb.Instance) bool { return i.GetService() == "stats" && i.GetUp() }) {
		t.Errorf("stats itself is not among %v", before.GetInstances())
	}

	srv.Pause()
	away := until(t, client, "Redis is away", func(_ *pb.Stats, d *pb.Diagnosis) bool { return raised(d, "MR-REDIS-001") })
	if away.GetTotals().GetAccepted() != 1000 || away.GetTime().AsTime().Before(before.GetTime().AsTime()) {
		t.Errorf("what was known is lost: %v", away)
	}
	srv.Resume()
	until(t, client, "Redis is back", func(s *pb.Stats, d *pb.Diagnosis) bool {
		return !raised(d, "MR-REDIS-001") && s.GetTime().AsTime().After(away.GetTime().AsTime())
	})

	if _, err := control.Pause(t.Context(), s, "alice", "a test"); err != nil {
		t.Fatal(err)
	}
	until(t, client, "intake is paused", func(_ *pb.Stats, d *pb.Diagnosis) bool { return raised(d, "MR-INTAKE-001") })
	if err := srv.Client(t).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, client, "the stream and the pause are lost", func(_ *pb.Stats, d *pb.Diagnosis) bool {
		return raised(d, "MR-LOSS-001") && raised(d, "MR-ACCESS-002") && raised(d, "MR-INTAKE-001")
	})
	lost := until(t, client, "the stream is a new one", func(s *pb.Stats, _ *pb.Diagnosis) bool { return s.GetTotals().GetAccepted() == 0 })
	if r := lost.GetRates(); r.GetInPerS() < 0 || r.GetOutPerS() < 0 {
		t.Errorf("rates %v", r)
	}
	send(t, s, "again", 10)
	until(t, client, "work goes on", func(s *pb.Stats, _ *pb.Diagnosis) bool { return s.GetTotals().GetProcessed() == 10 })
}

func TestRunWithoutRedis(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{Port: streamtest.AnyPort})
	srv.Stop()
	client, stop := start(t, srv.URL)
	s := until(t, client, "Redis is away", func(_ *pb.Stats, d *pb.Diagnosis) bool { return raised(d, "MR-REDIS-001") })
	if s.GetTime() != nil || s.GetTotals().Accepted != nil || s.GetRates().InPerS != nil || s.Missing != nil {
		t.Errorf("what nobody could read is known: %v", s)
	}
	if len(s.GetInstances()) != 1 {
		t.Errorf("instances %v", s.GetInstances())
	}
	begin := time.Now()
	stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	srv.Start()
}

func TestReadiness(t *testing.T) {
	srv := streamtest.Redis(t)
	p, err := newProcess(Config{Flags: Flags{Forget: time.Minute}, Redis: stream.Config{URL: srv.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.ready(t.Context()); err == nil {
		t.Error("it is ready before it has read anything")
	}
	p.sweeper.open(open(t, srv.URL))
	p.sweeper.look(t.Context())
	if err := p.ready(t.Context()); err != nil {
		t.Error(err)
	}
	r := *p.sweeper.latest.Load()
	r.survey.Taken = time.Now().Add(-time.Minute)
	p.sweeper.latest.Store(&r)
	if err := p.ready(t.Context()); err == nil {
		t.Error("it is ready with a reading of a minute ago")
	}
}

func TestHTTP(t *testing.T) {
	p, err := newProcess(Config{Flags: Flags{Forget: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l, err := p.listen(ctx, "http", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- telemetry.Serve(ctx, l, p.routes(), quiet()) }()
	for path, want := range map[string]int{"/health": 200, "/health/ready": 503, "/debug/memory": 200, "/other": 404} {
		r, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, r.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAnAddressThatIsTaken(t *testing.T) {
	s := serve(t, "")
	for _, c := range []Config{
		{GRPCAddr: s.addr, HTTPAddr: "127.0.0.1:0", Telemetry: telemetry.Config{LogLevel: "error"}},
		{GRPCAddr: "127.0.0.1:0", HTTPAddr: s.addr, Telemetry: telemetry.Config{LogLevel: "error"}},
	} {
		if err := Run(t.Context(), c); err == nil {
			t.Errorf("%+v ran", c)
		}
	}
}

func TestConfig(t *testing.T) {
	good := Config{Flags: Flags{Forget: time.Minute}, Redis: stream.Config{PoolMax: 1, Timeout: time.Second}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	bad := Config{Redis: stream.Config{PoolMax: 0, Timeout: time.Second}, Telemetry: telemetry.Config{LogLevel: "loud"}}
	err := bad.Check()
	if err == nil {
		t.Fatal("no fault was found")
	}
	for _, flag := range []string{"--forget-instances", "--redis-pool-max", "--log-level"} {
		if !containsText(err, flag) {
			t.Errorf("%v does not name %s", err, flag)
		}
	}
}
