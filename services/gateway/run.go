package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/lifecycle"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/pkg/telemetry"
	"millrace.dev/services/dashboard"
)

// Run serves until ctx ends, and then stores and acknowledges what it has taken. While Redis is away it is alive,
// shows its page with what is wrong, and is not ready.
func Run(ctx context.Context, c Config) error {
	p, err := newProcess(c, os.Stderr)
	if err != nil {
		return err
	}
	return p.run(ctx)
}

// newProcess makes a gateway that logs to log.
func newProcess(c Config, log io.Writer) (*process, error) {
	c.Limits = c.limits()
	p := &process{config: c, instance: telemetry.NewInstance("gateway"), keys: new(access.Keys)}
	p.log = p.ring.Attach(telemetry.NewLogger(log, c.Telemetry, "gateway"))
	var err error
	if p.rules, err = c.Access.Rules(""); err != nil { // the internal key opens nothing to clients
		return nil, err
	}
	if p.config.StatsTLS, err = c.statsTLS(); err != nil {
		return nil, err
	}
	p.controls = p.newControls()
	p.dashboard = dashboard.New(dashboard.Config{
		StatsAddr: c.StatsAddr, InternalKey: c.Key, TLS: p.config.StatsTLS, Log: p.log,
	})
	return p, nil
}

func (p *process) run(ctx context.Context) error {
	c := p.config
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	telemetry.ListenLine(p.log, "http", listener.Addr())
	if a, ok := listener.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && c.Access.AllowAnonymous {
		p.log.Warn("listening beyond this machine with --allow-anonymous: whoever reaches this address needs no key",
			"addr", a.String(), "admin", c.Access.AllowAnonymousAdmin)
	}
	p.config.Advertise = telemetry.Advertised(c.Advertise, listener.Addr())
	if c.Listening != nil {
		c.Listening(listener.Addr().String())
	}
	if listener, err = p.secure(listener); err != nil {
		return err
	}
	return p.group(listener).Run(ctx)
}

// secure speaks TLS on a listener, if there is a certificate. HTTP/2 is not spoken: it has no way for a WebSocket here.
func (p *process) secure(l net.Listener) (net.Listener, error) {
	config, err := p.config.Access.TLS(p.log)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if config == nil {
		return l, nil
	}
	config.NextProtos = []string{"http/1.1"}
	return tls.NewListener(l, config), nil
}

// process is a gateway with what surrounds it.
type process struct {
	config    Config
	instance  telemetry.Instance
	log       *slog.Logger
	ring      telemetry.Ring
	dashboard *dashboard.Dashboard
	rules     *access.Rules
	keys      *access.Keys
	controls  *controls
	provider  *telemetry.Provider
	// built is there as soon as Redis is, for the parts that start after it; gateway is the same, for requests, as
	// soon as all parts run: what is let in can then be stored, and told when it ends.
	built   *Gateway
	gateway atomic.Pointer[Gateway]
}

// newControls puts in force here what operators say.
func (p *process) newControls() *controls {
	c := newControls(p.log)
	c.flags = p.config.Rates.Under(nil)
	c.who = func(r *http.Request) string { return access.From(r.Context()).By() }
	c.onChange = func(state control.State) {
		p.keys.Set(access.NewRing(state.Keys))
		p.built.obey(state)
	}
	return c
}

// group wires the parts. They stop in the reverse order: first nothing is taken any more, then what was taken is
// stored, then the last answers go out.
func (p *process) group(l net.Listener) *lifecycle.Group {
	g := &lifecycle.Group{Grace: p.config.Grace + time.Second, Log: p.log}
	g.AddReady("telemetry", p.report)
	g.Add("http", func(ctx context.Context) error { return p.serve(ctx, l) })
	g.Add("dashboard", p.dashboard.Run)
	g.AddReady("stream", p.open)
	g.AddReady("control", func(ctx context.Context, ready func()) error {
		p.controls.run(ctx, p.built.stream, ready)
		return nil
	})
	g.Add("lanes", func(ctx context.Context) error { return p.built.runLanes(ctx) })
	g.Add("watch", func(ctx context.Context) error { return p.built.watch(ctx) })
	g.Add("guard", func(ctx context.Context) error { return p.built.guard(ctx) })
	g.Add("heartbeat", func(ctx context.Context) error {
		return p.built.connections.beat(ctx, p.config.Heartbeat)
	})
	g.Add("intake", func(ctx context.Context) error {
		p.gateway.Store(p.built)
		return p.built.take(ctx)
	})
	return g
}

// open waits for Redis and then builds the gateway.
func (p *process) open(ctx context.Context, ready func()) error {
	c := p.config.Redis
	c.Limits, c.Durability, c.Log = p.config.Limits.String(), p.config.Durability, p.log
	return stream.Hold(ctx, c, func(s *stream.Stream) {
		p.built = newGateway(p.config, s, p.instance.ID, p.log)
		p.built.dashboard, p.built.keys = p.dashboard, p.keys
		p.built.look(ctx)
		p.observe(p.built)
		p.log.Info("ready", "partitions", s.Partitions(), "durability", p.built.facts.Load().durability)
		ready()
	})
}

// runLanes appends until ctx ends and all that was taken is stored, or the grace is over. That begins when nothing is
// taken any more, so it is the same time as that of the clients, and not added to it: while Redis is away, both would
// else be waited for, one after the other.
func (g *Gateway) runLanes(ctx context.Context) error {
	defer close(g.appended)
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	begin := func() { time.AfterFunc(g.config.Grace, cut) }
	defer context.AfterFunc(g.taking, begin)()
	defer context.AfterFunc(ctx, begin)() // if nobody was ever let in
	err := inParallel(g.lanes, func(l *lane) error { return l.run(ctx, hard) })
	if hard.Err() != nil {
		<-ctx.Done() // the parts before this one are still ending
	}
	return err
}

// take lets clients in until ctx ends, and then waits until every one knows what became of its events.
func (g *Gateway) take(ctx context.Context) error {
	<-ctx.Done()
	g.stopTaking()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.config.Grace)
	defer cancel()
	g.connections.drain(grace)
	return nil
}

// reconnectAfter is what clients are told to wait when a gateway goes away: another one serves them at once, and
// a single one takes about that long to be back.
const reconnectAfter = time.Second
