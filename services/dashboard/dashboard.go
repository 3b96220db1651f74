package dashboard

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	pb "millrace.dev/proto/gen/millrace/v1"
)

// Config is what the dashboard needs to know. The zero value of a field is its default.
type Config struct {
	// StatsAddr is where the stats service answers gRPC, host:port.
	StatsAddr string
	// InternalKey is shown to stats as the bearer of `authorization`; empty: none is shown.
	InternalKey string
	// TLS is spoken to stats; nil: none is.
	TLS *tls.Config
	// Log gets a record when stats goes away or comes back. Default: slog.Default().
	Log *slog.Logger
	// Heartbeat is the time between two comments on an event stream, which keep proxies from closing it.
	// Default: 15 s.
	Heartbeat time.Duration
	// WriteTimeout is how long one write to an event stream may take before its client is dropped as one that
	// does not read. Default: 10 s.
	WriteTimeout time.Duration
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.WriteTimeout <= 0 {
		c.WriteTimeout = 10 * time.Second
	}
	return c
}

// Dashboard keeps the latest reading of the stats service and serves it. Run fills it, Register mounts it; its
// methods may be called from any goroutine, before and after Run too.
type Dashboard struct {
	config    Config
	latest    atomic.Pointer[reading]
	diagnosis atomic.Pointer[[]byte]
	clients   atomic.Int64
	slow      atomic.Uint64
	ended     chan struct{}
	end       sync.Once
}

// New returns a dashboard that knows nothing yet.
func New(c Config) *Dashboard {
	d := &Dashboard{config: c.withDefaults(), ended: make(chan struct{})}
	d.latest.Store(unread())
	d.diagnosis.Store(away{addr: c.StatsAddr, cause: "it has not answered yet"}.render())
	return d
}

// Run follows the stats service until ctx ends: one stream of statistics and one diagnosis a second. It
// reconnects by itself, and returns an error only if StatsAddr is not an address. When it returns, its
// goroutines have ended and all event streams are ending: a server that drains stops it first, or it waits for
// browsers that never leave.
func (d *Dashboard) Run(ctx context.Context) error {
	defer d.end.Do(func() { close(d.ended) })
	conn, err := dial(d.config)
	if err != nil {
		return fmt.Errorf("stats address %q: %w", d.config.StatsAddr, err)
	}
	defer conn.Close()
	service := pb.NewStatsServiceClient(conn)
	var wg sync.WaitGroup
	wg.Go(func() { d.watch(ctx, service) })
	wg.Go(func() { d.diagnose(ctx, service) })
	// Before the calls above have ended: a browser must not wait for a network that is slow to give up.
	<-ctx.Done()
	d.end.Do(func() { close(d.ended) })
	wg.Wait()
	return nil
}

// Latest returns the newest statistics, or nil if stats has never answered. They must not be changed.
func (d *Dashboard) Latest() *pb.Stats { return d.latest.Load().stats }

// Clients returns how many event streams are open.
func (d *Dashboard) Clients() int { return int(d.clients.Load()) }

// SlowClients returns how many event streams were ended because their client did not read.
func (d *Dashboard) SlowClients() uint64 { return d.slow.Load() }
