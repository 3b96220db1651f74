package stats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/lifecycle"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/pkg/telemetry"
)

// Run serves until ctx ends. While Redis is away it answers with what it last knew and what processes report, and is
// not ready.
func Run(ctx context.Context, c Config) error {
	p, err := newProcess(c)
	if err != nil {
		return err
	}
	grpc, err := p.listen(ctx, "grpc", c.GRPCAddr)
	if err != nil {
		return err
	}
	http, err := p.listen(ctx, "http", c.HTTPAddr)
	if err != nil {
		return errors.Join(err, grpc.Close())
	}
	p.config.Advertise = telemetry.Advertised(c.Advertise, http.Addr())
	if c.Listening != nil {
		c.Listening(grpc.Addr().String())
	}
	return p.group(grpc, http).Run(ctx)
}

// process is stats with what surrounds it.
type process struct {
	config   Config
	keys     *access.Keys
	instance telemetry.Instance
	log      *slog.Logger
	ring     telemetry.Ring

	feed      *feed
	board     *board
	sweeper   *sweeper
	publisher *publisher
	server    *server
}

func newProcess(c Config) (*process, error) {
	p := &process{
		config: c, keys: new(access.Keys), instance: telemetry.NewInstance("stats"), feed: newFeed(c.Forget), board: new(board),
	}
	p.log = p.ring.Attach(telemetry.NewLogger(os.Stderr, c.Telemetry, "stats"))
	p.config.Redis.Log = p.log
	p.sweeper = newSweeper(p.config.Redis, p.log)
	p.publisher = newPublisher(p.feed, p.board, c.Redis.URL)
	rules, err := c.Access.Rules(c.Key)
	if err != nil {
		return nil, err
	}
	secure, err := c.Access.TLS(p.log)
	if err != nil {
		return nil, err
	}
	p.server = newServer(p.board, p.feed, newGate(rules, p.keys), secure, p.log)
	return p, nil
}

func (p *process) listen(ctx context.Context, what, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for %s: %w", what, err)
	}
	telemetry.ListenLine(p.log, what, l.Addr())
	return l, nil
}

// group wires the parts. They stop in the reverse order: the last report of this process goes to its own server, so
// that goes last.
func (p *process) group(grpc, http net.Listener) *lifecycle.Group {
	g := &lifecycle.Group{Log: p.log}
	g.Add("grpc", func(ctx context.Context) error { return p.server.serve(ctx, grpc) })
	g.Add("http", func(ctx context.Context) error { return telemetry.Serve(ctx, http, p.routes(), p.log) })
	g.Add("stream", p.open)
	g.Add("control", p.follow)
	g.Add("publish", func(ctx context.Context) error { return p.publisher.run(ctx, p.sweeper.news) })
	g.Add("sweep", p.sweep)
	g.Add("telemetry", func(ctx context.Context) error { return p.report(ctx, grpc.Addr()) })
	return g
}

// open waits for Redis and holds the stream until ctx ends. Nothing waits for it: without Redis there is still much
// to tell.
func (p *process) open(ctx context.Context) error {
	return stream.Hold(ctx, p.config.Redis, func(s *stream.Stream) {
		p.sweeper.open(s)
		p.log.Info("ready", "partitions", s.Partitions())
	})
}

// follow hears what operators say until ctx ends: which keys are valid, which holds here too, and the rest for the
// doctor. While Redis is away, which the sweep tells of, what was known last holds.
func (p *process) follow(ctx context.Context) error {
	select {
	case <-p.sweeper.opened:
	case <-ctx.Done():
		return nil
	}
	for state, err := range control.Watch(ctx, p.sweeper.stream.Load(), control.Every) {
		if err == nil {
			p.keys.Set(access.NewRing(state.Keys))
		}
		p.sweeper.orders.Store(&orders{state, err})
	}
	return nil
}

// sweep looks at Redis until ctx ends.
func (p *process) sweep(ctx context.Context) error {
	p.sweeper.looked = func(r reading) { p.server.healthy(r.read) }
	return p.sweeper.run(ctx)
}

// report tells our own server how this process is doing, until ctx ends.
func (p *process) report(ctx context.Context, grpc net.Addr) error {
	return telemetry.Report(ctx, telemetry.ProviderConfig{
		Instance: p.instance, StatsAddr: loopback(grpc), InternalKey: p.config.Key, Advertise: p.config.Advertise,
		TLS: p.config.Access.DialOwn(), Log: p.log,
	}, func(provider *telemetry.Provider) {
		provider.Histogram(telemetry.MetricSweepDuration, telemetry.With(), &p.sweeper.took)
	})
}

// loopback is where this machine reaches what listens at addr.
func loopback(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return addr.String()
}

// routes says which path is answered by whom.
func (p *process) routes() http.Handler {
	mux := http.NewServeMux()
	telemetry.NewHealth(p.instance, p.ready).Routes(mux)
	mux.Handle("GET /debug/memory", access.Services(p.config.Key).ForServices(telemetry.MemoryHandler))
	return mux
}

// readyFor is how old the newest reading of the stream may be in a service that is ready.
const readyFor = 5 * time.Second

// ready says whether the stream has been read lately.
func (p *process) ready(context.Context) error {
	r := p.sweeper.latest.Load()
	switch {
	case r == nil || r.survey.Taken.IsZero() && r.err == nil:
		return errors.New("waiting for Redis")
	case time.Since(r.survey.Taken) > readyFor:
		return fmt.Errorf("Redis can't be read: %w", r.err)
	}
	return nil
}
