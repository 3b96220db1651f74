package worker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/lifecycle"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/consume"
	"millrace.dev/pkg/stream/retain"
	"millrace.dev/pkg/telemetry"
)

// Run works until ctx ends, and then finishes what it has begun. While Redis is away it is alive and not ready.
func Run(ctx context.Context, c Config) error {
	p := &process{config: c, instance: telemetry.NewInstance("worker")}
	var err error
	if p.statsTLS, err = c.statsTLS(); err != nil {
		return err
	}
	p.log = p.ring.Attach(telemetry.NewLogger(os.Stderr, c.Telemetry, "worker"))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	telemetry.ListenLine(p.log, "http", listener.Addr())
	p.config.Advertise = telemetry.Advertised(c.Advertise, listener.Addr())
	if c.Listening != nil {
		c.Listening(listener.Addr().String())
	}
	return p.group(listener).Run(ctx)
}

// process is a worker with what surrounds it.
type process struct {
	config   Config
	instance telemetry.Instance
	log      *slog.Logger
	ring     telemetry.Ring
	provider *telemetry.Provider
	statsTLS *tls.Config // nil: stats speaks none
	// stream is there as soon as Redis is.
	stream atomic.Pointer[stream.Stream]
}

// leaving is what consume takes after its drain to hand over what is left, and some.
const leaving = 5 * time.Second

// group wires the parts. They stop in the reverse order: first the pipelines, which settle what they have in their
// hands; the reports last, so that they tell of it.
func (p *process) group(l net.Listener) *lifecycle.Group {
	g := &lifecycle.Group{Grace: p.config.Drain + leaving, Log: p.log}
	g.AddReady("telemetry", p.report)
	g.Add("http", func(ctx context.Context) error { return telemetry.Serve(ctx, l, p.routes(), p.log) })
	g.AddReady("stream", p.open)
	g.Add("retention", func(ctx context.Context) error {
		return retain.Run(ctx, p.stream.Load(), p.config.Retention)
	})
	g.Add("pipeline count", func(ctx context.Context) error { return p.consume(ctx, builtin(), countTypes) })
	return g
}

// report tells stats once a second how this worker is doing, until ctx ends.
func (p *process) report(ctx context.Context, ready func()) error {
	return telemetry.Report(ctx, telemetry.ProviderConfig{
		Instance: p.instance, StatsAddr: p.config.StatsAddr, InternalKey: p.config.Key, TLS: p.statsTLS,
		Advertise: p.config.Advertise, Log: p.log,
	}, func(provider *telemetry.Provider) {
		p.provider = provider
		ready()
	})
}

// open waits for Redis and holds the stream until ctx ends.
func (p *process) open(ctx context.Context, ready func()) error {
	c := p.config.Redis
	c.Log = p.log
	return stream.Hold(ctx, c, func(s *stream.Stream) {
		p.stream.Store(s)
		p.log.Info("ready", "partitions", s.Partitions())
		ready()
	})
}

// consume runs one pipeline.
func (p *process) consume(ctx context.Context, c consume.Config, h consume.Handler) error {
	c.Instance, c.Lease, c.Drain, c.Metrics = p.instance.ID, p.config.Lease, p.config.Drain, new(consume.Metrics)
	c.MinHandlers, c.MaxHandlers = p.config.MinHandlers, p.config.MaxHandlers
	observe(p.provider, c.Pipeline, c.Metrics)
	return consume.Run(ctx, p.stream.Load(), c, h)
}

// routes says which path is answered by whom.
func (p *process) routes() http.Handler {
	mux := http.NewServeMux()
	telemetry.NewHealth(p.instance, p.ready).Routes(mux)
	mux.Handle("GET /debug/memory", access.Services(p.config.Key).ForServices(telemetry.MemoryHandler))
	return mux
}

// ready proves that Redis takes writes: without it nothing is settled. A full one is good enough: settling goes on.
func (p *process) ready(ctx context.Context) error {
	s := p.stream.Load()
	if s == nil {
		return errors.New("waiting for Redis")
	}
	if err := s.Ready(ctx); err != nil && !errors.Is(stream.Classify(err), stream.ErrFull) {
		return err
	}
	return nil
}
