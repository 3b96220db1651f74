package consume

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

// open connects to the server and lays out a stream.
func open(t *testing.T, srv *streamtest.Server, partitions int) *stream.Stream {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{
		URL: srv.URL, Partitions: partitions, PoolMax: 20, Timeout: 2 * time.Second, Limits: "any",
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// appending adds an entry as a gateway's append does, without sessions.
var appending = redis.NewScript(`
local accepted = tonumber(redis.call('HGET', KEYS[2], 'accepted') or '0')
local ms = math.max(tonumber(ARGV[3]), tonumber(redis.call('HGET', KEYS[2], 'ms') or '0'))
local id = string.format('%.0f-%.0f', ms, accepted * 1024 + tonumber(ARGV[2]))
redis.call('XADD', KEYS[1], id, 'b', ARGV[1], 'n', ARGV[2])
redis.call('HSET', KEYS[2], 'accepted', string.format('%.0f', accepted + tonumber(ARGV[2])), 'ms', string.format('%.0f', ms))
redis.call('HINCRBY', KEYS[2], 'bytes', #ARGV[1])
return id`)

// encode makes a batch of events of the given ids and types.
func encode(t testing.TB, ids, types []string) []byte {
	t.Helper()
	b := event.AppendVersion(nil)
	var f event.Frame
	d := event.Defaults{Source: "/test", Received: time.Now()}
	for i := range ids {
		if err := f.DecodeJSON(fmt.Appendf(nil, `{"id":%q,"type":%q,"data":{"n":%d}}`, ids[i], types[i], i), event.DefaultLimits()); err != nil {
			t.Fatal(err)
		}
		b = event.AppendMember(b, &f.Events[0], &d)
	}
	return b
}

func appendRaw(t testing.TB, s *stream.Stream, partition int, batch []byte, n int) (id string) {
	t.Helper()
	k := stream.KeysOf(partition)
	id, err := appending.Run(context.Background(), s.Redis(), []string{k.Events(), k.Ledger()}, batch, n, time.Now().UnixMilli()).Text()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sent is what went in: event id to type.
type sent map[string]string

// fill appends entries of up to `most` events to all partitions.
func fill(t testing.TB, s *stream.Stream, in sent, entries, most int) {
	t.Helper()
	for i := range entries {
		n := 1 + i%most
		ids, types := make([]string, n), make([]string, n)
		for j := range n {
			ids[j] = fmt.Sprintf("e%d", len(in))
			types[j] = fmt.Sprintf("type-%d", len(in)%7)
			in[ids[j]] = types[j]
		}
		appendRaw(t, s, i%s.Partitions(), encode(t, ids, types), n)
	}
}

func (in sent) types() map[string]uint64 {
	m := make(map[string]uint64)
	for _, typ := range in {
		m[typ]++
	}
	return m
}

// seen is what handlers got: event id to times.
type seen struct {
	mu    sync.Mutex
	times map[string]int
}

func newSeen() *seen { return &seen{times: make(map[string]int)} }

func (s *seen) note(batch []Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		s.times[batch[i].ID]++
	}
}

func (s *seen) copy() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.times)
}

// counting is the handler of the built-in pipeline, which also notes what it saw.
func counting(s *seen) Handler {
	return func(_ context.Context, batch []Delivery) []Result {
		s.note(batch)
		results := make([]Result, len(batch))
		for i := range batch {
			results[i] = Done(state.Add{Key: batch[i].Type, Count: 1})
		}
		return results
	}
}

// worker is a Run in the background.
type worker struct {
	stop context.CancelFunc
	done chan error
}

func start(t testing.TB, s *stream.Stream, c Config, h Handler) *worker {
	ctx, cancel := context.WithCancel(context.Background())
	w := &worker{stop: cancel, done: make(chan error, 1)}
	go func() { w.done <- Run(ctx, s, c, h) }()
	t.Cleanup(func() { w.end(t) })
	return w
}

func (w *worker) end(t testing.TB) {
	t.Helper()
	w.stop()
	select {
	case err := <-w.done:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		w.done <- nil
	case <-time.After(20 * time.Second):
		t.Fatal("Run does not return")
	}
}

// account reads the books of a pipeline over all partitions: what is pending is counted from the group itself.
func account(t testing.TB, s *stream.Stream, pipeline string) ledger.Ledger {
	t.Helper()
	var all []ledger.Ledger
	for p := range s.Partitions() {
		all = append(all, books(t, s, p, pipeline))
	}
	return ledger.Sum(all...)
}

// reading reads all that an account is made of at one moment, also on a Redis that is full: it refuses MULTI.
var reading = redis.NewScript(`
local delivered = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local row = {}
    for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
    if row['name'] == ARGV[1] then delivered = row['last-delivered-id'] end
  end
end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local reply = {delivered, first and first[1] or ''}
local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000)
if not rows.err then
  for _, row in ipairs(rows) do reply[#reply + 1] = row[1] end
end
return {redis.call('HGETALL', KEYS[2]), reply}`)

func books(t testing.TB, s *stream.Stream, partition int, pipeline string) ledger.Ledger {
	t.Helper()
	k := stream.KeysOf(partition)
	reply, err := reading.Run(context.Background(), s.Redis(), []string{k.Events(), k.Ledger()}, pipeline).Slice()
	if err != nil {
		t.Logf("reading the books: %v", err) // Redis may be away in this test
		return ledger.Ledger{Pipelines: map[string]ledger.Account{pipeline: {Unread: 1}}}
	}
	book := make(map[string]uint64)
	for pair := range slices.Chunk(reply[0].([]any), 2) {
		book[pair[0].(string)], _ = strconv.ParseUint(pair[1].(string), 10, 64)
	}
	of := func(field string) uint64 { return book[field+":"+pipeline] }
	ids := reply[1].([]any)
	l := ledger.Ledger{Accepted: book["accepted"], Trimmed: book["trimmed"]}
	a := ledger.Account{
		Baseline: of("baseline"), Replayed: of("replayed"), Processed: of("processed"), Filtered: of("filtered"), Dead: of("dead"),
	}
	gone := l.Trimmed
	if first := ids[1].(string); first != "" {
		gone = parse(t, first).Before
	}
	a.Unread = l.Accepted - max(gone, parse(t, ids[0].(string)).After())
	for _, id := range ids[2:] {
		a.Working += parse(t, id.(string)).Events
	}
	l.Pipelines = map[string]ledger.Account{pipeline: a}
	return l
}

func parse(t testing.TB, id string) ledger.EntryID {
	t.Helper()
	if id == "0" {
		id = "0-0"
	}
	e, err := ledger.ParseEntryID(id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// counts reads the pipeline's state.
func counts(t testing.TB, s *stream.Stream, pipeline string) map[string]uint64 {
	t.Helper()
	m := make(map[string]uint64)
	for p := range s.Partitions() {
		for field, v := range s.Redis().HGetAll(context.Background(), stream.KeysOf(p).State(pipeline)).Val() {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if key, ok := state.Key(field); ok {
				m[key] += n
			} else {
				m["("+field+")"] += n
			}
		}
	}
	return m
}

// eventually waits until what holds.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(within)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// settledAll waits until nothing is pending, and checks that the books balance.
func settledAll(t testing.TB, s *stream.Stream, pipeline string, within time.Duration) ledger.Account {
	t.Helper()
	var l ledger.Ledger
	eventually(t, within, "all settled", func() bool {
		l = account(t, s, pipeline)
		return l.Accepted > 0 && l.Pipelines[pipeline].Pending() == 0
	})
	if missing := l.Missing(pipeline); missing != 0 {
		t.Errorf("the ledger misses %d events: %+v", missing, l)
	}
	return l.Pipelines[pipeline]
}
