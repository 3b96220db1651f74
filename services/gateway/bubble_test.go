package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/lifecycle"
	"millrace.dev/pkg/stream/produce"
	"millrace.dev/pkg/telemetry"
	"millrace.dev/services/dashboard"
	"millrace.dev/services/gateway/limit"
)

// bubble is a gateway whose network is in memory, whose stream is a fakeStore, and whose time passes when all wait.
type bubble struct {
	*testing.T
	process  *process
	gateway  *Gateway
	store    *fakeStore
	listener *pipeListener
	client   *http.Client
	stop     context.CancelFunc
	ended    chan error
}

// bubbleConfig is the default configuration.
func bubbleConfig() Config {
	c := Config{Flags: Flags{
		BufferEvents: 10_000, BufferBytes: 64 << 20, BufferPolicy: "block",
		MaxFrame: 1 << 20, MaxEvent: 1 << 20, MaxBatch: 1000, MaxDepth: 64,
		Marks:     limit.Marks{SlowLag: 10 * time.Minute, StopLag: time.Hour, SlowMemory: 75, StopMemory: 90},
		Heartbeat: 30 * time.Second, SessionTTL: 24 * time.Hour, Grace: 10 * time.Second,
	}}
	// A network in memory has no loopback.
	c.Access = access.Config{AllowAnonymous: true, AllowAnonymousAdmin: true, Hosts: []string{"gateway"}}
	c.Limits = c.limits()
	return c
}

// inBubble runs f with a gateway of that many partitions, each with a lane of its own, and then stops it.
func inBubble(t *testing.T, partitions int, change func(*Config), f func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, partitions, change)
		defer b.close()
		f(b)
	})
}

func newBubble(t *testing.T, partitions int, change func(*Config)) *bubble {
	c := bubbleConfig()
	if change != nil {
		change(&c)
		c.Limits = c.limits()
	}
	log := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p := &process{config: c, instance: telemetry.NewInstance("gateway"), log: log, keys: new(access.Keys)}
	var err error
	if p.rules, err = c.Access.Rules(""); err != nil {
		t.Fatal(err)
	}
	p.keys.Set(access.NewRing(nil))
	p.controls = p.newControls()
	p.dashboard = dashboard.New(dashboard.Config{Log: log})
	b := &bubble{T: t, store: newFakeStore(partitions), listener: newPipeListener(), ended: make(chan error, 1)}
	b.gateway = fakeGateway(c, log, b.store)
	b.gateway.dashboard, b.gateway.keys, b.process = p.dashboard, p.keys, p
	p.built = b.gateway
	b.client = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return b.listener.dial() },
	}}
	b.start(p)
	return b
}

// fakeGateway is one over a fakeStore.
func fakeGateway(c Config, log *slog.Logger, store *fakeStore) *Gateway {
	g := newIntake(c, log)
	g.facts.Store(&facts{durability: "fsynced", incarnation: "life"})
	g.recall = func(_ context.Context, name string) (*produce.Session, error) { return store.session(name), nil }
	g.layLanes(store.partitions, true, func() appender { return store })
	return g
}

// start runs the parts in the order of process.group.
func (b *bubble) start(p *process) {
	group := &lifecycle.Group{Grace: p.config.Grace + time.Second, Log: p.log}
	group.Add("http", func(ctx context.Context) error { return p.serve(ctx, b.listener) })
	group.Add("lanes", b.gateway.runLanes)
	group.Add("heartbeat", func(ctx context.Context) error {
		return b.gateway.connections.beat(ctx, p.config.Heartbeat)
	})
	group.Add("intake", func(ctx context.Context) error {
		p.gateway.Store(p.built)
		return p.built.take(ctx)
	})
	ctx, stop := context.WithCancel(b.Context())
	b.stop = stop
	go func() { b.ended <- group.Run(ctx) }()
	synctest.Wait()
}

// close stops what a test has not stopped itself. A goroutine that is left over then fails the bubble.
func (b *bubble) close() {
	b.store.releaseAll()
	b.stop()
	b.client.CloseIdleConnections()
	if err := <-b.ended; err != nil {
		b.Errorf("the gateway ended with %v", err)
	}
}

// pass lets time pass, in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// pipeListener is a network in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

func (l *pipeListener) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// fakeStore is an appender that keeps what it gets, and of which a test decides when an append ends.
type fakeStore struct {
	partitions int

	mu       sync.Mutex
	stored   []storedEvent
	appends  int
	gates    []chan struct{} // by partition; appends end when it is nil or closed
	sessions map[string]*produce.Session
}

// storedEvent is an event as it was appended, decoded from the batch's own bytes.
type storedEvent struct {
	event.Event
	partition int
	session   *produce.Session
	number    uint64 // 0 if anonymous
}

func newFakeStore(partitions int) *fakeStore {
	return &fakeStore{partitions: partitions, gates: make([]chan struct{}, partitions), sessions: map[string]*produce.Session{}}
}

func (s *fakeStore) session(name string) *produce.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[name] == nil {
		s.sessions[name] = new(produce.Session)
	}
	return s.sessions[name]
}

// Append implements appender.
func (s *fakeStore) Append(ctx context.Context, batches []*produce.Batch) error {
	for _, b := range batches {
		select {
		case <-s.gate(b.Partition):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := s.keep(b); err != nil {
			return err
		}
	}
	return nil
}

var openGate = func() chan struct{} { c := make(chan struct{}); close(c); return c }

func (s *fakeStore) gate(partition int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates[partition] == nil {
		return openGate()
	}
	return s.gates[partition]
}

func (s *fakeStore) keep(b *produce.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range b.Parts {
		events, err := event.DecodeBatch(nil, string(p.Bytes))
		if err != nil {
			return err
		}
		for i, e := range events {
			stored := storedEvent{Event: e, partition: b.Partition, session: p.Session}
			if p.Session != nil {
				stored.number = p.Numbers[i]
			}
			s.stored = append(s.stored, stored)
		}
	}
	s.appends++
	b.Stored = produce.Stored{Done: true, Accepted: b.Events()}
	return nil
}

// hold lets appends to these partitions wait; none means all.
func (s *fakeStore) hold(partitions ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.gates {
		if len(partitions) == 0 || slices.Contains(partitions, p) {
			s.gates[p] = make(chan struct{})
		}
	}
}

// release ends the appends to a partition that wait, and lets those after them pass.
func (s *fakeStore) release(partition int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates[partition] != nil {
		close(s.gates[partition])
		s.gates[partition] = nil
	}
}

func (s *fakeStore) releaseAll() {
	for p := range s.gates {
		s.release(p)
	}
}

// events are those stored, in order.
func (s *fakeStore) events() []storedEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]storedEvent(nil), s.stored...)
}

// batches is the number of appends.
func (s *fakeStore) batches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appends
}

// data are the data of those stored, in order.
func (s *fakeStore) data() []string {
	var all []string
	for _, e := range s.events() {
		all = append(all, string(e.Data))
	}
	return all
}
