package worker

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
	"millrace.dev/pkg/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedis(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Redis(t) })
}
func TestEmbedded(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Embedded(t) })
}

func suite(t *testing.T, begin func(t *testing.T) *streamtest.Server) {
	t.Run("counts types", func(t *testing.T) { testCounts(t, begin(t)) })
}

// running is a worker in this process.
type running struct {
	url    string
	cancel context.CancelFunc
	ended  chan error
}

func begin(t *testing.T, redis string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, ended: make(chan error, 1)}
	addr := make(chan string, 1)
	c := Config{
		Flags:     Flags{MinHandlers: 2, MaxHandlers: 4, Lease: time.Second, Drain: 5 * time.Second, Retention: time.Hour},
		HTTPAddr:  "127.0.0.1:0",
		Redis:     stream.Config{URL: redis, PoolMax: 10, Timeout: 2 * time.Second, Partitions: 2},
		Telemetry: telemetry.Config{LogLevel: "error", LogFormat: "text"},
		Listening: func(a string) { addr <- a },
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- Run(ctx, c) }()
	select {
	case a := <-addr:
		r.url = "http://" + a
	case err := <-r.ended:
		t.Fatalf("Run: %v", err)
	}
	t.Cleanup(func() { r.end(t) })
	return r
}

// end stops the worker and checks that it ends well.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		r.ended <- nil
	case <-time.After(20 * time.Second):
		t.Fatal("the worker does not end")
	}
}

// get asks the worker and returns status and body.
func (r *running) get(t *testing.T, path string) (int, map[string]any) {
	t.Helper()
	resp, err := http.Get(r.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode, body
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 10s: %s", what)
		}
	}
}

// add appends one entry of events of the given types to partition 0.
func add(t *testing.T, srv *streamtest.Server, types ...string) {
	t.Helper()
	rdb, k := srv.Client(t), stream.KeysOf(0)
	accepted, _ := rdb.HGet(t.Context(), k.Ledger(), "accepted").Uint64()
	var f event.Frame
	batch := event.AppendVersion(nil)
	for _, typ := range types {
		if err := f.DecodeJSON([]byte(`{"type":"`+typ+`"}`), event.DefaultLimits()); err != nil {
			t.Fatal(err)
		}
		batch = event.AppendMember(batch, &f.Events[0], &event.Defaults{Received: time.Now()})
	}
	id := ledger.EntryID{Milliseconds: uint64(time.Now().UnixMilli()), Before: accepted, Events: uint64(len(types))}
	err := rdb.Do(t.Context(), "XADD", k.Events(), id.String(), "b", batch, "n", len(types)).Err()
	if err != nil {
		t.Fatal(err)
	}
	rdb.HIncrBy(t.Context(), k.Ledger(), "accepted", int64(len(types)))
}

func testCounts(t *testing.T, srv *streamtest.Server) {
	w := begin(t, srv.URL)
	until(t, "ready", func() bool { code, _ := w.get(t, "/health/ready"); return code == http.StatusOK })
	if code, body := w.get(t, "/health"); code != http.StatusOK || body["status"] != "ok" {
		t.Errorf("/health: %d %v", code, body)
	}
	if code, body := w.get(t, "/debug/memory"); code != http.StatusOK || body["memory_mb"] == nil {
		t.Errorf("/debug/memory: %d %v", code, body)
	}
	add(t, srv, "a", "b", "a")
	add(t, srv, "other", "a")
	rdb, k := srv.Client(t), stream.KeysOf(0)
	until(t, "counted", func() bool {
		return rdb.HGet(t.Context(), k.Ledger(), "processed:"+state.CountPipeline).Val() == "5"
	})
	got := rdb.HGetAll(t.Context(), k.State(state.CountPipeline)).Val()
	for typ, n := range map[string]string{"a": "3", "b": "1", "other": "1"} {
		if got[state.Field(typ)] != n {
			t.Errorf("type %q is counted %q times, want %s", typ, got[state.Field(typ)], n)
		}
	}
	w.end(t)
	if left := rdb.Keys(t.Context(), k.Lease("*")).Val(); len(left) > 0 {
		t.Errorf("a worker that has left still has leases: %v", left)
	}
}

// TestWaitsForRedis: without Redis it is alive and not ready, and can be stopped.
func TestWaitsForRedis(t *testing.T) {
	srv := streamtest.Redis(t)
	srv.Kill()
	w := begin(t, srv.URL)
	if code, _ := w.get(t, "/health"); code != http.StatusOK {
		t.Errorf("/health says %d while Redis is away", code)
	}
	code, body := w.get(t, "/health/ready")
	if code != http.StatusServiceUnavailable {
		t.Errorf("/health/ready says %d %v while Redis is away", code, body)
	}
	begin(t, srv.URL).end(t)
	srv.Start()
	until(t, "ready", func() bool { code, _ := w.get(t, "/health/ready"); return code == http.StatusOK })
}

// TestReadyOnFullRedis: what is stored can be settled.
func TestReadyOnFullRedis(t *testing.T) {
	srv := streamtest.Redis(t)
	w := begin(t, srv.URL)
	if err := srv.Client(t).ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "ready", func() bool { code, _ := w.get(t, "/health/ready"); return code == http.StatusOK })
}

func TestCheckTellsAll(t *testing.T) {
	c := Config{Flags: Flags{MinHandlers: -1, MaxHandlers: -2, Lease: time.Millisecond, Retention: -1}, Redis: stream.Config{Partitions: -1}}
	err := c.Check()
	for _, flag := range []string{"--min-handlers", "--max-handlers", "--lease", "--drain", "--retention", "--partitions", "--redis-timeout"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("the fault of %s is not reported: %v", flag, err)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	srv := streamtest.Redis(t)
	w := begin(t, srv.URL)
	c := Config{HTTPAddr: strings.TrimPrefix(w.url, "http://")}
	if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "listening") {
		t.Errorf("Run on an address in use: %v", err)
	}
}
