package consume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

// databases is how many seeds run at once: Redis has 16 databases.
const databases = 16

// TestModel runs random schedules of appending and settling against the real scripts: gateways and workers that
// die, replies that are lost, commands that arrive late, clients that resend, two connections of one session. A
// failing seed prints itself, and fails again.
func TestModel(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{Args: []string{"--databases", strconv.Itoa(databases)}})
	seeds := 200
	if s := os.Getenv("MILLRACE_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("MILLRACE_SEEDS: %v", err)
		}
		seeds = n
	}
	next := make(chan uint64)
	var running sync.WaitGroup
	for database := range databases {
		running.Go(func() {
			for seed := range next {
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { runModel(t, srv, database, seed) })
			}
		})
	}
	for seed := range uint64(seeds) {
		next <- seed
	}
	close(next)
	running.Wait()
}

// model is one schedule.
type model struct {
	gatewayModel
	workers        []*modelWorker
	workersStarted int
}

// modelWorker is a worker without goroutines: what they would do is done one thing at a time.
type modelWorker struct {
	*run
	open []*settlement
}

func runModel(t *testing.T, srv *streamtest.Server, database int, seed uint64) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(seed, 2))
	s, err := stream.Open(ctx, stream.Config{
		URL: srv.URL + "?db=" + strconv.Itoa(database), Partitions: 2, PoolMax: 4, Timeout: 10 * time.Second,
		Limits: "any", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Redis().FlushDB(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	bare := redis.NewClient(s.Redis().(*redis.Client).Options())
	defer bare.Close()
	m := &model{gatewayModel: gatewayModel{
		t: t, rand: r, stream: s, anonymous: map[string]bool{},
		faults: &faults{rand: r, bare: bare, odds: 30},
	}}
	s.Redis().AddHook(m.faults)
	m.schedule()
	m.conclude()
}

// schedule does random things.
func (m *model) schedule() {
	for i := range 3 {
		m.senders = append(m.senders, &sender{name: fmt.Sprintf("session-%d", i)})
	}
	for range 2 {
		m.gateways = append(m.gateways, m.newGateway())
		m.workers = append(m.workers, m.newWorker())
	}
	for range 60 {
		m.step()
	}
}

func (m *model) step() {
	g := m.rand.IntN(len(m.gateways))
	w := m.rand.IntN(len(m.workers))
	switch n := m.rand.IntN(100); {
	case n < 12:
		m.connect(m.gateways[g], m.senders[m.rand.IntN(len(m.senders))])
	case n < 40:
		if links := m.gateways[g].links; len(links) > 0 {
			m.send(m.gateways[g], links[m.rand.IntN(len(links))])
		}
	case n < 46:
		m.sendAnonymous(m.gateways[g])
	case n < 66:
		if !m.append(m.gateways[g], m.rand.IntN(4) == 0) {
			m.gateways[g] = m.newGateway() // kill -9 and a new start
		}
	case n < 82:
		m.workers[w].read(m)
	case n < 92:
		m.workers[w].settleOnce(m)
	case n < 96:
		m.workers[w] = m.replace(w)
	default:
		m.faults.arrive()
	}
	m.balance()
}

// balance: at any moment nothing is missing.
func (m *model) balance() {
	defer m.faults.pause()()
	for p := range m.stream.Partitions() {
		l := books(m.t, m.stream, p, state.CountPipeline)
		if missing := l.Missing(state.CountPipeline); missing != 0 {
			m.t.Fatalf("partition %d misses %d events: %+v", p, missing, l)
		}
	}
}

// conclude ends all faults, lets everyone finish, and compares what was sent with what is stored and settled.
func (m *model) conclude() {
	m.faults.odds = 0
	m.faults.arriveAll()
	last := m.newGateway()
	for _, s := range m.senders {
		for s.acked < uint64(len(s.where)) {
			m.connect(last, s)
			l := last.links[len(last.links)-1]
			for l.next <= uint64(len(s.where)) {
				m.send(last, l)
			}
			for slices.ContainsFunc(last.queues, func(q []queued) bool { return len(q) > 0 }) {
				m.append(last, false)
			}
		}
	}
	for _, g := range m.gateways {
		for slices.ContainsFunc(g.queues, func(q []queued) bool { return len(q) > 0 }) {
			m.append(g, false)
		}
	}
	m.settleAll()
	m.check()
}

// stored decodes the stream itself.
func (m *model) stored() (byPartition [][]event.Event) {
	for p := range m.stream.Partitions() {
		entries, err := m.stream.Redis().XRange(context.Background(), stream.KeysOf(p).Events(), "-", "+").Result()
		if err != nil {
			m.t.Fatal(err)
		}
		var events []event.Event
		for _, e := range entries {
			if events, err = event.DecodeBatch(events, e.Values["b"].(string)); err != nil {
				m.t.Fatal(err)
			}
		}
		byPartition = append(byPartition, events)
	}
	return byPartition
}

// check: every event that was sent is stored once, in order, and settled once.
func (m *model) check() {
	copies, types, total := map[string]int{}, map[string]uint64{}, 0
	for p, events := range m.stored() {
		newest := map[string]uint64{}
		for _, e := range events {
			copies[e.ID]++
			types[e.Type]++
			total++
			name, number, _ := strings.Cut(e.ID, "/")
			n, _ := strconv.ParseUint(number, 10, 64)
			if name != "anonymous" && n <= newest[name] {
				m.t.Errorf("partition %d: %s comes after number %d of its session", p, e.ID, newest[name])
			}
			newest[name] = n
		}
	}
	for _, s := range m.senders {
		for i, p := range s.where {
			if want := min(p+1, 1); copies[s.id(uint64(i+1))] != want {
				m.t.Errorf("event %s is stored %d times, not %d", s.id(uint64(i+1)), copies[s.id(uint64(i+1))], want)
			}
		}
	}
	for id, acked := range m.anonymous {
		if copies[id] > 1 || acked && copies[id] != 1 {
			m.t.Errorf("event %s (acknowledged: %v) is stored %d times", id, acked, copies[id])
		}
	}
	a := account(m.t, m.stream, state.CountPipeline)
	if a.Accepted != uint64(total) || a.Pipelines[state.CountPipeline].Processed != uint64(total) {
		m.t.Errorf("%d events are stored; the ledger says %+v", total, a)
	}
	if counted := counts(m.t, m.stream, state.CountPipeline); !maps.Equal(counted, types) {
		m.t.Errorf("counted by type: %v; stored: %v", counted, types)
	}
}

// newWorker starts a worker; its leases don't lapse by themselves here.
func (m *model) newWorker() *modelWorker {
	m.workersStarted++
	r, err := newRun(m.stream, Config{Pipeline: state.CountPipeline, Instance: fmt.Sprintf("worker-%d", m.workersStarted), Lease: time.Hour}.withDefaults(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	defer m.faults.pause()()
	if err := r.start(context.Background()); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = r.reader.Close() })
	return &modelWorker{run: r}
}

// read reads what is new in a partition and handles it at once: each event counts its type.
func (w *modelWorker) read(m *model) {
	l := w.lanes[m.rand.IntN(len(w.lanes))]
	l.mu.Lock()
	room := l.room.any()
	l.mu.Unlock()
	if !room {
		return
	}
	found, err := w.reader.XReadGroup(context.Background(), &redis.XReadGroupArgs{
		Group: w.config.Pipeline, Consumer: l.name(), Streams: []string{l.keys.Events(), ">"}, Count: int64(1 + m.rand.IntN(3)), Block: -1,
	}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		m.t.Fatal(err)
	}
	for _, s := range found {
		w.received(l, s.Messages)
	}
	w.handleAll()
}

func (w *modelWorker) handleAll() {
	for len(w.queue) > 0 {
		e := <-w.queue
		results := make([]Result, len(e.events))
		for i := range e.events {
			results[i] = Done(state.Add{Key: e.events[i].Type, Count: 1})
		}
		if e.place(0, len(results), results) {
			e.lane.finish(e)
		}
	}
}

// settleOnce sends what is finished once; what has no outcome is repeated the next time.
func (w *modelWorker) settleOnce(m *model) {
	w.open = w.attempt(context.Background(), w.gather(w.open))
}

// replace kills a worker and lets a new one take over what it owned.
func (m *model) replace(w int) *modelWorker {
	defer m.faults.pause()()
	dead := m.workers[w]
	_ = dead.reader.Close()
	heir := m.newWorker()
	ctx := context.Background()
	for i, l := range heir.lanes {
		former := dead.lanes[i].name()
		if err := m.faults.bare.Del(ctx, l.keys.Lease(former)).Err(); err != nil {
			m.t.Fatal(err)
		}
		if err := heir.adopt(ctx, l, former); err != nil {
			m.t.Fatal(err)
		}
		heir.handleAll()
	}
	return heir
}

// settleAll lets the workers finish.
func (m *model) settleAll() {
	for range 1000 {
		for _, w := range m.workers {
			w.read(m)
			w.settleOnce(m)
		}
		if a := account(m.t, m.stream, state.CountPipeline); a.Pipelines[state.CountPipeline].Pending() == 0 {
			return
		}
	}
	m.t.Fatal("the workers don't come to an end")
}
