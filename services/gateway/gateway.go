package gateway

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/produce"
	"millrace.dev/services/dashboard"
	"millrace.dev/services/gateway/limit"
)

// Gateway takes events from clients and brings them into the stream.
type Gateway struct {
	config      Config
	log         *slog.Logger
	instance    string
	stream      *stream.Stream
	room        *room
	lanes       []*lane
	appenders   []*produce.Appender
	partitions  []*partition
	connections connections
	metrics     *metrics
	trouble     trouble
	gate        *gate
	meters      *limit.Meters
	rejects     rejects
	admission   atomic.Pointer[limit.Admission]
	facts       atomic.Pointer[facts]
	// large bounds the memory of frames that are large and being read.
	large     *semaphore.Weighted
	dashboard *dashboard.Dashboard
	keys      *access.Keys

	// recall looks up what is remembered of a named session; tests of time put another in its place, as with
	// appender.
	recall func(ctx context.Context, name string) (*produce.Session, error)
	// claimKey claims an idempotency key, likewise.
	claimKey func(ctx context.Context, credential, key string, body [32]byte, make bool) (produce.Claim, error)

	// taking ends when the gateway stops taking events; stopTaking ends it.
	taking     context.Context
	stopTaking context.CancelFunc
	// appended is closed when the lanes have ended: what is not decided by then will not be.
	appended chan struct{}
}

// facts are what the gateway tells its clients of the stream; they are looked up once a second.
type facts struct {
	durability, incarnation string
	// below: durability is less than what was asked for. looked: it is that of a look.
	below, looked bool
}

// newGateway builds what lies between the sockets and the stream.
func newGateway(c Config, s *stream.Stream, instance string, log *slog.Logger) *Gateway {
	g := newIntake(c, log)
	g.stream, g.instance = s, instance
	g.recall = func(ctx context.Context, name string) (*produce.Session, error) {
		return produce.Open(ctx, s, access.From(ctx).ID, name, c.SessionTTL)
	}
	g.claimKey = g.claimFromStream
	g.layLanes(s.Partitions(), s.Clustered(), func() appender { return g.newAppender() })
	return g
}

// newIntake makes what a gateway has of its own: all but the stream and the lanes to it.
func newIntake(c Config, log *slog.Logger) *Gateway {
	g := &Gateway{
		config: c, log: log, metrics: newMetrics(), room: newRoom(c.BufferEvents, c.BufferBytes),
		gate: newGate(), meters: limit.NewMeters(c.Rates.Under(nil), limit.Bursts{Events: c.MaxBatch, Bytes: c.MaxFrame}),
		large:    semaphore.NewWeighted(int64(max(c.BufferBytes, c.MaxFrame))),
		appended: make(chan struct{}), keys: new(access.Keys),
	}
	g.trouble.log = log
	g.admission.Store(new(limit.Admission))
	g.gate.tell = g.hearGate
	g.trouble.tell = g.connections.explain
	g.facts.Store(&facts{durability: stream.DurabilityMemory})
	g.taking, g.stopTaking = context.WithCancel(context.Background())
	return g
}

// layLanes makes a lane for each Redis node. On a Cluster each partition has its own, so that a sick node holds
// up only what it holds.
func (g *Gateway) layLanes(partitions int, clustered bool, appenderOf func() appender) {
	g.partitions = make([]*partition, partitions)
	for p := range g.partitions {
		if p == 0 || clustered {
			l := newLane(g.room, g.metrics, appenderOf())
			l.dropping = g.config.BufferPolicy == policyDropOldest
			g.lanes = append(g.lanes, l)
		}
		g.partitions[p] = g.lanes[len(g.lanes)-1].add(p)
	}
}

func (g *Gateway) newAppender() *produce.Appender {
	a := produce.NewAppender(g.stream, g.instance, g.config.SessionTTL)
	a.Trouble = func(err error) {
		if err != nil {
			g.metrics.appendFailures.Add(1)
		}
		g.trouble.hear(err)
	}
	g.appenders = append(g.appenders, a)
	return a
}

// partitionOf is the partition of a key.
func (g *Gateway) partitionOf(key []byte) int { return stream.PartitionOf(key, len(g.partitions)) }

// accept puts one valid event on its way; the producer's window is locked. The caller rings at the end of its frame.
func (g *Gateway) accept(p *producer, n uint64, s *event.Span, d *event.Defaults) {
	to := g.partitions[p.home]
	if key := s.PartitionKey(); len(key) > 0 {
		to = g.partitions[g.partitionOf(key)]
	}
	p.give(n, to, s, d)
	p.owes(to.lane)
}

// hearGate tells the clients, and the log, that the gate was shut or opened.
func (g *Gateway) hearGate(shut *event.Refusal) {
	defer g.connections.hearGate()
	if shut == nil {
		g.log.Info("events are taken again")
	} else {
		g.log.Warn("no events are taken", "code", shut.Code, "reason", shut.Message)
	}
}

func (g *Gateway) draining() bool { return g.taking.Err() != nil }

// watch keeps the facts true, and what was refused counted where it survives, until ctx ends.
func (g *Gateway) watch(ctx context.Context) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		g.look(ctx)
		g.writeCounts(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			g.writeCounts(last)
			return nil
		}
	}
}

// look renews the facts; what can't be looked up within a second stays as it was.
func (g *Gateway) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	before := g.facts.Load()
	f, fell := *before, false
	if p, err := g.stream.Look(ctx); err == nil {
		fell = g.promised(p)
		f.durability, f.below, f.looked = p.Level, p.Below, true
	}
	if life, err := produce.Incarnation(ctx, g.stream); err == nil {
		f.incarnation = life
	}
	g.facts.Store(&f)
	if fell {
		g.connections.each(func(c *connection) { g.outdated(c, before) })
	}
}

// writeCounts writes the totals of what never reached the stream, each second anew: so they are there again after
// Redis has lost them. That Redis is away is said by the lanes.
func (g *Gateway) writeCounts(ctx context.Context) {
	_, rejected := g.metrics.refusals()
	if dropped := g.metrics.dropped.Load(); rejected+dropped > 0 {
		_ = produce.WriteCounts(ctx, g.stream, g.instance, rejected, dropped)
	}
}
