package retain

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/streamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedis(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Redis(t) })
}
func TestEmbedded(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Embedded(t) })
}

// suite is what every server must pass.
func suite(t *testing.T, begin func(t *testing.T) *streamtest.Server) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *fixture)
	}{
		{"without a pipeline nothing is cut", testNoPipeline},
		{"what is not settled is kept", testPendingIsKept},
		{"the slowest pipeline counts", testSlowest},
		{"a group that vanished counts with its mark", testVanished},
		{"what is young is kept", testYoung},
		{"what is too much is cut", testTooMuch},
		{"one trims", testOneTrims},
		{"large counts", testLargeCounts},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newFixture(t, begin(t))) })
	}
}

// fixture is a partition with entries of 10 events each.
type fixture struct {
	t      *testing.T
	stream *stream.Stream
	redis  redis.UniversalClient
	keys   stream.Keys
	ids    []string
}

func newFixture(t *testing.T, srv *streamtest.Server) *fixture {
	s, err := stream.Open(t.Context(), stream.Config{
		URL: srv.URL, Partitions: 1, PoolMax: 5, Timeout: 2 * time.Second, Limits: "any",
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &fixture{t: t, stream: s, redis: s.Redis(), keys: stream.KeysOf(0)}
}

// add appends n entries, one a second, the last of them age ago.
func (f *fixture) add(n int, age time.Duration, before uint64) {
	f.t.Helper()
	at := time.Now().Add(-age).Add(-time.Duration(n-1) * time.Second)
	pipe := f.redis.TxPipeline()
	for i := range n {
		id := ledger.EntryID{Milliseconds: uint64(at.UnixMilli()) + 1000*uint64(i), Before: before + 10*uint64(i), Events: 10}
		f.ids = append(f.ids, id.String())
		pipe.XAdd(f.t.Context(), &redis.XAddArgs{Stream: f.keys.Events(), ID: id.String(), Values: []any{"b", "0123456789", "n", "10"}})
		pipe.HSet(f.t.Context(), f.keys.Ledger(), "accepted", id.After(), "bytes", id.After()*100, "ms", id.Milliseconds)
	}
	if _, err := pipe.Exec(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// group registers a pipeline that has read and settled the first entries.
func (f *fixture) group(name string, read, settled int) {
	f.t.Helper()
	ctx := f.t.Context()
	f.redis.XGroupCreate(ctx, f.keys.Events(), name, "0")
	f.redis.HSet(ctx, f.keys.Groups(), name, "0-0")
	if read > 0 {
		f.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: name, Consumer: "c", Streams: []string{f.keys.Events(), ">"}, Count: int64(read), Block: -1})
	}
	if settled > 0 {
		f.redis.XAck(ctx, f.keys.Events(), name, f.ids[:settled]...)
	}
}

// trim trims once and checks how many entries are left and how many events the ledger says are gone.
func (f *fixture) trim(keep time.Duration, budget uint64, left int, trimmed uint64) {
	f.t.Helper()
	if err := newTrimmer(f.stream, keep).trim(f.t.Context(), 0, budget); err != nil {
		f.t.Fatal(err)
	}
	f.check(left, trimmed)
	f.redis.Del(f.t.Context(), f.keys.Trimmer()) // the next one is another
}

func (f *fixture) check(left int, trimmed uint64) {
	f.t.Helper()
	if n := f.redis.XLen(f.t.Context(), f.keys.Events()).Val(); n != int64(left) {
		f.t.Errorf("%d entries are left, want %d", n, left)
	}
	text := f.redis.HGet(f.t.Context(), f.keys.Ledger(), "trimmed").Val()
	if n, _ := strconv.ParseUint(text, 10, 64); n != trimmed {
		f.t.Errorf("the ledger says %q trimmed, want %d", text, trimmed)
	}
}

const plenty = 1 << 40

func testNoPipeline(t *testing.T, f *fixture) {
	f.add(5, time.Hour, 0)
	f.trim(time.Minute, plenty, 5, 0)
}

func testPendingIsKept(t *testing.T, f *fixture) {
	f.add(10, time.Hour, 0)
	f.group("count", 6, 4) // the fifth and sixth are in somebody's hands
	f.trim(time.Minute, plenty, 6, 40)
	f.redis.XAck(t.Context(), f.keys.Events(), "count", f.ids[4], f.ids[5])
	f.trim(time.Minute, plenty, 4, 60)
	f.trim(time.Minute, plenty, 4, 60)
	f.trim(time.Minute, 0, 4, 60) // not for any budget
}

func testSlowest(t *testing.T, f *fixture) {
	f.add(10, time.Hour, 0)
	f.group("count", 10, 10)
	f.group("slow", 3, 3)
	f.trim(time.Minute, plenty, 7, 30)
}

func testVanished(t *testing.T, f *fixture) {
	f.add(10, time.Hour, 0)
	f.group("count", 10, 10)
	f.redis.HSet(t.Context(), f.keys.Groups(), "gone", f.ids[1])
	f.trim(time.Minute, plenty, 8, 20)
	f.redis.Del(t.Context(), f.keys.Groups())
	f.redis.HSet(t.Context(), f.keys.Groups(), "count", "0-0")
	f.trim(time.Minute, plenty, 0, 100)
	f.add(2, 0, 100) // an empty stream goes on
	f.trim(time.Minute, plenty, 2, 100)
}

func testYoung(t *testing.T, f *fixture) {
	f.add(10, 30*time.Second, 0) // from 39 s ago to 30 s ago
	f.group("count", 10, 10)
	f.trim(time.Minute, plenty, 10, 0)
	f.trim(34500*time.Millisecond, plenty, 5, 50)
}

func testTooMuch(t *testing.T, f *fixture) {
	f.add(100, 0, 0) // 100,000 bytes
	f.group("count", 100, 90)
	f.trim(time.Hour, 200_000, 100, 0)
	f.trim(time.Hour, 70_000, 70, 300)
	f.trim(time.Hour, 69_500, 69, 310)
	f.trim(time.Hour, 1000, 10, 900) // only what is settled
}

func testOneTrims(t *testing.T, f *fixture) {
	f.add(10, time.Hour, 0)
	f.group("count", 5, 5)
	one, two := newTrimmer(f.stream, time.Minute), newTrimmer(f.stream, time.Minute)
	if err := one.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.check(5, 50)
	f.redis.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "count", Consumer: "c", Streams: []string{f.keys.Events(), ">"}, Block: -1, NoAck: true})
	if err := two.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.check(5, 50)
	if err := one.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.check(0, 100)
	if ttl := f.redis.PTTL(t.Context(), f.keys.Trimmer()).Val(); ttl <= 0 || ttl > lease {
		t.Errorf("the trimmer's lease lives for %v", ttl)
	}
}

// testLargeCounts begins where a number that becomes text by itself turns into 1e+14 in Redis's Lua.
func testLargeCounts(t *testing.T, f *fixture) {
	const before = 97_656_250_001
	f.redis.HSet(t.Context(), f.keys.Ledger(), "trimmed", before)
	f.add(10, time.Hour, before)
	f.group("count", 6, 5)
	f.trim(time.Minute, plenty, 5, before+50)
}

// TestRunTrims: it works by itself, and on a full Redis.
func TestRunTrims(t *testing.T) {
	srv := streamtest.Redis(t)
	f := newFixture(t, srv)
	f.add(10, time.Hour, 0)
	f.group("count", 5, 5)
	if err := f.redis.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, f.stream, time.Minute) }()
	for deadline := time.Now().Add(10 * time.Second); f.redis.XLen(t.Context(), f.keys.Events()).Val() != 5; {
		if time.Now().After(deadline) {
			t.Error("not trimmed within 10s")
			break
		}
		_ = stream.Sleep(t.Context(), 10*time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	f.check(5, 50)
}

func TestLimit(t *testing.T) {
	for _, test := range []struct {
		info string
		want uint64
	}{
		{"# Memory\r\nused_memory:1\r\nmaxmemory:1000\r\ntotal_system_memory:9000\r\n", 1000},
		{"maxmemory:0\r\ntotal_system_memory:9000\r\n", 4500},
		{"maxmemory_policy:noeviction\r\n", unreported},
		{"", unreported},
	} {
		if got := limit(test.info); got != test.want {
			t.Errorf("limit(%q) = %d, want %d", test.info, got, test.want)
		}
	}
}
