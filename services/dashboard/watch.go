package dashboard

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "millrace.dev/proto/gen/millrace/v1"
)

const (
	// interval is how often stats is asked to say how things are.
	interval = time.Second
	// silence is how long a stream that should speak every second may say nothing before it is given up: a
	// process that was stopped, or a network that swallows packets, does not close a connection.
	silence = 5 * interval
	// firstRetry and lastRetry bound the time between two attempts to reach stats.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// dial prepares the connection to stats. It does not connect: that happens with the first call, and again
// after every loss. Proxies of the environment are for the world outside.
func dial(c Config) (*grpc.ClientConn, error) {
	over := insecure.NewCredentials()
	if c.TLS != nil {
		over = credentials.NewTLS(c.TLS)
	}
	return grpc.NewClient(c.StatsAddr,
		grpc.WithTransportCredentials(over),
		grpc.WithNoProxy(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstRetry, Multiplier: 1.6, Jitter: 0.2, MaxDelay: lastRetry},
			MinConnectTimeout: lastRetry,
		}))
}

// authorized adds the internal key to the calls made with ctx.
func (d *Dashboard) authorized(ctx context.Context) context.Context {
	if d.config.InternalKey == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+d.config.InternalKey)
}

// watch publishes what stats streams until ctx ends. A stream that ends is opened again; the wait doubles
// while nothing arrives.
func (d *Dashboard) watch(ctx context.Context, service pb.StatsServiceClient) {
	for failures := 0; ctx.Err() == nil; failures++ {
		received, err := d.follow(ctx, service)
		if received > 0 {
			failures = 0
		}
		d.config.Log.DebugContext(ctx, "stream of statistics ended", "received", received, "error", err)
		pause(ctx, retryAfter(failures, rand.Float64()))
	}
}

// follow publishes one stream of statistics until it ends, and returns how many it received.
func (d *Dashboard) follow(ctx context.Context, service pb.StatsServiceClient) (received int, err error) {
	ctx, cancel := context.WithCancel(d.authorized(ctx))
	defer cancel()
	stream, err := service.WatchStats(ctx,
		&pb.WatchStatsRequest{Interval: durationpb.New(interval)}, grpc.WaitForReady(true))
	if err != nil {
		return 0, err
	}
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	for {
		answer, err := stream.Recv()
		if err != nil {
			return received, err
		}
		watchdog.Reset(silence)
		received++
		if s := answer.GetStats(); s != nil {
			d.publish(s)
		}
	}
}

// retryAfter is the wait after the given number of failures in a row: doubling, within half of it and all of
// it as chance (0 to 1) has it, so that gateways do not come back all at once.
func retryAfter(failures int, chance float64) time.Duration {
	most := min(2*firstRetry<<min(failures, 10), lastRetry)
	return most/2 + time.Duration(chance*float64(most/2))
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
