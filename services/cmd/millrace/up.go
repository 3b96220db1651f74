package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/lifecycle"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/server"
	"millrace.dev/pkg/telemetry"
	"millrace.dev/services/cli"
	"millrace.dev/services/doctor"
	"millrace.dev/services/gateway"
	"millrace.dev/services/stats"
	"millrace.dev/services/worker"
)

// up runs the whole pipeline in one process.
type up struct {
	HTTPAddr  string           `name:"http-addr" default:"127.0.0.1:8000" help:"The gateway listens here for HTTP and WebSocket."`
	GRPCAddr  string           `name:"grpc-addr" default:"127.0.0.1:9000" help:"Stats listens here for gRPC."`
	DataDir   string           `name:"data-dir" placeholder:"DIR" help:"Where a Redis of our own keeps its files. Default: the user's data folder, printed at start."`
	Gateway   gateway.Flags    `embed:"" group:"Gateway"`
	Worker    worker.Flags     `embed:"" group:"Worker"`
	Stats     stats.Flags      `embed:"" group:"Stats"`
	Access    access.Config    `embed:"" group:"Access"`
	Redis     stream.Config    `embed:"" group:"Redis"`
	Telemetry telemetry.Config `embed:"" group:"Process"`

	out io.Writer
	key string // the internal key: known to this process alone
}

// Validate is called by kong: all faults at once.
func (u up) Validate() error {
	return errors.Join(u.Gateway.Check(), u.Worker.Check(), u.Stats.Check(),
		u.Access.Check(), u.Redis.Check(), u.Telemetry.Check())
}

// Run runs everything until it is told to stop. Parts stop in the reverse order: the gateway stores what it has
// taken, the worker settles what it has in its hands, and Redis goes last.
func (u up) Run(ctx context.Context) error {
	redis, err := u.findRedis()
	if err != nil {
		return err
	}
	u.Redis.URL, u.key = redis.URL(), rand.Text()
	g := lifecycle.Group{Grace: stopGrace, Log: telemetry.NewLogger(os.Stderr, u.Telemetry, "millrace")}
	g.AddReady("redis", redis.Run)
	g.AddReady("stats", u.runStats)
	g.Add("worker", u.runWorker)
	g.AddReady("gateway", u.runGateway)
	g.Add("banner", func(ctx context.Context) error { return u.banner(ctx, redis.Describe()) })
	return g.Run(ctx)
}

// stopGrace bounds the stop of each part; the parts keep their own, shorter, time limits.
const stopGrace = 20 * time.Second

// findRedis chooses where Redis comes from: the URL given, a redis-server on PATH, or one in this process. Only the
// second needs a folder.
func (u *up) findRedis() (*server.Server, error) {
	dir, noDir := u.DataDir, error(nil)
	if dir == "" {
		dir, noDir = server.DefaultDir(os.Getenv)
	}
	redis, err := server.Find(u.Redis.URL, dir, telemetry.NewLogger(os.Stderr, u.Telemetry, "redis"))
	if err != nil && noDir != nil {
		return nil, cli.Exit{Code: cli.ExitUsage, Err: fmt.Errorf("%w: %w", doctor.ErrSettings, noDir)}
	}
	return redis, err
}

func (u *up) runStats(ctx context.Context, ready func()) error {
	return stats.Run(ctx, stats.Config{
		Flags: u.Stats, HTTPAddr: "127.0.0.1:0", GRPCAddr: u.GRPCAddr, Key: u.key,
		Access: u.Access, Redis: u.Redis, Telemetry: u.Telemetry,
		Listening: func(addr string) {
			u.GRPCAddr = addr // the port, if it was left to the system
			ready()
		},
	})
}

func (u *up) runWorker(ctx context.Context) error {
	return worker.Run(ctx, worker.Config{
		Flags: u.Worker, HTTPAddr: "127.0.0.1:0", StatsAddr: u.GRPCAddr, StatsTLS: u.Access.DialOwn(), Key: u.key,
		Redis: u.Redis, Telemetry: u.Telemetry,
	})
}

func (u *up) runGateway(ctx context.Context, ready func()) error {
	return gateway.Run(ctx, gateway.Config{
		Flags: u.Gateway, HTTPAddr: u.HTTPAddr, StatsAddr: u.GRPCAddr, StatsTLS: u.Access.DialOwn(), Key: u.key,
		Access: u.Access, Redis: u.Redis, Telemetry: u.Telemetry,
		Listening: func(addr string) {
			u.HTTPAddr = addr
			ready()
		},
	})
}

// banner says where everything is, and what a restart would keep.
func (u *up) banner(ctx context.Context, redis string) error {
	s := "" // what makes http and ws those of TLS
	if u.Access.TLSCert != "" {
		s = "s"
	}
	_, err := fmt.Fprintf(u.out, `
Millrace %s

  page     http%[5]s://%[2]s
  events   ws%[5]s://%[2]s/ws   or   curl -d '{"type":"test"}' http%[5]s://%[2]s/api/events
  stats    gRPC at %[3]s
  Redis    %[4]s

`, telemetry.Version, u.HTTPAddr, u.GRPCAddr, redis, s)
	<-ctx.Done()
	return err
}
