package consume

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

//go:embed renew.lua
var renewSource string

//go:embed release.lua
var releaseSource string

var (
	renewScript   = redis.NewScript(renewSource)
	releaseScript = redis.NewScript(releaseSource)
)

// nobody is the consumer that nobody is: what a process leaves behind when it drains belongs to it, and anyone may
// take it over at once.
const nobody = "released"

var errLapsed = errors.New("the lease has lapsed")

// keepLeases renews our leases five times in their life, until ctx ends.
func (r *run) keepLeases(ctx context.Context) {
	tick := time.NewTicker(r.config.Lease / 5)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, l := range r.renew(ctx) {
				r.rename(ctx, l)
			}
		case <-ctx.Done():
			return
		}
	}
}

// renew renews the leases of all partitions in one round trip and returns the partitions whose lease had lapsed. It
// sends the script itself: a Redis that has just started knows no script by its hash, and this is no time to lose one.
func (r *run) renew(ctx context.Context) (lapsed []*lane) {
	ctx, cancel := context.WithTimeout(ctx, max(r.config.Lease/2, time.Second))
	defer cancel()
	begin := time.Now()
	pipe := r.stream.Redis().Pipeline()
	cmds := make([]*redis.Cmd, len(r.lanes))
	for i, l := range r.lanes {
		cmds[i] = renewScript.Eval(ctx, pipe, renewKeys(l, l.name()), r.config.Pipeline, r.config.Lease.Milliseconds(), "0")
	}
	_, _ = pipe.Exec(ctx)
	for i, l := range r.lanes {
		err := r.renewed(l, cmds[i], begin)
		if errors.Is(err, errLapsed) {
			lapsed = append(lapsed, l)
			err = nil
		}
		if !errors.Is(err, context.Canceled) {
			r.outage.report("renewing "+strconv.Itoa(l.number), err)
		}
	}
	return lapsed
}

func renewKeys(l *lane, consumer string) []string {
	return []string{l.keys.Lease(consumer), l.keys.Events(), l.keys.Groups(), l.keys.Epoch()}
}

// renewed reads one reply. The lease is alive from the time at which it was asked for.
func (r *run) renewed(l *lane, cmd *redis.Cmd, begin time.Time) error {
	reply, err := cmd.StringSlice()
	if err != nil {
		return stream.Classify(err)
	}
	if reply[0] == "lapsed" {
		return errLapsed
	}
	r.noteEpoch(l, reply[1])
	l.mu.Lock()
	l.renewed = begin
	l.mu.Unlock()
	ring(l.bell)
	return nil
}

// begin gets a lease under a name that had none.
func (r *run) begin(ctx context.Context, l *lane, consumer string) error {
	at := time.Now()
	cmd := renewScript.Run(ctx, r.stream.Redis(), renewKeys(l, consumer), r.config.Pipeline, r.config.Lease.Milliseconds(), "1")
	if err := r.renewed(l, cmd, at); err != nil {
		return fmt.Errorf("getting a lease in partition %d: %w", l.number, err)
	}
	return nil
}

// rename goes on under a new name, because the lease of the old one had lapsed: others may have begun to take over
// what it owned. What it still owns is moved to the new name, before any of it is settled under that.
func (r *run) rename(ctx context.Context, l *lane) {
	r.names.Lock()
	defer r.names.Unlock()
	old := l.name()
	consumer := r.newName()
	if err := r.begin(ctx, l, consumer); err != nil {
		return // the next renewal finds it lapsed again
	}
	l.mu.Lock()
	l.consumer = consumer
	l.mu.Unlock()
	r.config.Metrics.Renamed.Add(1)
	r.log.Warn("the lease had lapsed; going on under another name", "partition", l.number, "was", old, "name", consumer)
	if err := r.adopt(ctx, l, old); err != nil {
		r.log.Warn("what the old name owned is taken over later", "partition", l.number, "error", err)
	}
}

// release hands over what is left in each partition.
func (r *run) release(ctx context.Context) error {
	var faults []error
	for _, l := range r.lanes {
		left, err := releaseScript.Run(ctx, r.stream.Redis(), []string{l.keys.Events(), l.keys.Lease(l.name())},
			r.config.Pipeline, l.name(), nobody).Int()
		if err != nil {
			faults = append(faults, fmt.Errorf("releasing partition %d: %w", l.number, err))
		}
		if left > 0 {
			r.log.Info("entries were not finished in time and are left to others", "partition", l.number, "entries", left)
		}
	}
	return errors.Join(faults...)
}
