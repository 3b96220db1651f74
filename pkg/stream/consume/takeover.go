package consume

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed claim.lua
var claimSource string

var claimScript = redis.NewScript(claimSource)

// mostClaimed is the most entries taken over in one call: a reply of at most 16 MiB.
const mostClaimed = 64

// owner is a consumer in a partition.
type owner struct {
	partition int
	name      string
}

// absence is since when we have seen consumers without a lease.
type absence map[owner]time.Time

// takeOver looks for workers that died, and takes over what they owned, until ctx ends.
func (r *run) takeOver(ctx context.Context) {
	tick := time.NewTicker(r.config.Lease / 10)
	defer tick.Stop()
	seen := make(absence)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := r.lookForTheDead(ctx, seen)
		if ctx.Err() == nil {
			r.outage.report("looking for the dead", err)
		}
	}
}

// lookForTheDead takes over from those who are dead. Its error is that of the whole look: a part that fails now and has
// nothing to do the next time has not failed any more.
func (r *run) lookForTheDead(ctx context.Context, seen absence) error {
	orphans, err := r.orphans(ctx)
	if err != nil {
		// Nothing is known of anyone. A lease that was not seen because Redis was away was not seen absent.
		clear(seen)
		return err
	}
	for _, o := range seen.ripe(orphans, time.Now(), r.config.Lease/2) {
		err = errors.Join(err, exceptGroup(r.inherit(ctx, r.lanes[o.partition], o.name)))
	}
	return err
}

// ripe notes who is without a lease now, and returns those whom we have seen without one for long enough: after an
// outage of Redis all leases have lapsed, and their owners renew them within that time. Nobody is ripe at once.
func (a absence) ripe(orphans []owner, now time.Time, after time.Duration) []owner {
	current := make(map[owner]bool, len(orphans))
	var ripe []owner
	for _, o := range orphans {
		current[o] = true
		if _, known := a[o]; !known {
			a[o] = now
		}
		if o.name == nobody || now.Sub(a[o]) >= after {
			ripe = append(ripe, o)
		}
	}
	for o := range a {
		if !current[o] {
			delete(a, o)
		}
	}
	return ripe
}

// orphans are the consumers of all partitions, other than ourselves, that have no lease.
func (r *run) orphans(ctx context.Context) ([]owner, error) {
	others, err := r.others(ctx)
	if err != nil || len(others) == 0 {
		return nil, err
	}
	pipe := r.stream.Redis().Pipeline()
	alive := make([]*redis.IntCmd, len(others))
	for i, o := range others {
		alive[i] = pipe.Exists(ctx, r.lanes[o.partition].keys.Lease(o.name))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("reading leases: %w", err)
	}
	var orphans []owner
	for i, o := range others {
		if alive[i].Val() == 0 {
			orphans = append(orphans, o)
		}
	}
	return orphans, nil
}

func (r *run) others(ctx context.Context) ([]owner, error) {
	pipe := r.stream.Redis().Pipeline()
	cmds := make([]*redis.XInfoConsumersCmd, len(r.lanes))
	for i, l := range r.lanes {
		cmds[i] = pipe.XInfoConsumers(ctx, l.keys.Events(), r.config.Pipeline)
	}
	_, _ = pipe.Exec(ctx)
	var others []owner
	for i, l := range r.lanes {
		rows, err := cmds[i].Result()
		if noKey(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the consumers of partition %d: %w", l.number, err)
		}
		for _, row := range rows {
			if row.Name != l.name() {
				others = append(others, owner{partition: l.number, name: row.Name})
			}
		}
	}
	return others, nil
}

// noKey says that there is no such group, or not even its stream: then nobody has died there.
func noKey(err error) bool {
	return err != nil && (exceptGroup(err) == nil || redis.HasErrorPrefix(err, "ERR no such key"))
}

// inherit takes over what a dead consumer owned, as far as there is room; the rest follows at the next look.
func (r *run) inherit(ctx context.Context, l *lane, from string) error {
	total := 0
	defer func() {
		if total > 0 {
			r.config.Metrics.TakenOver.Add(uint64(total))
			r.log.Info("entries of a worker that is gone were taken over", "partition", l.number, "worker", from, "entries", total)
		}
	}()
	for {
		l.mu.Lock()
		events := l.room.overdraft()
		l.mu.Unlock()
		if events == 0 {
			return nil
		}
		n, err := r.claim(ctx, l, from, events)
		if n == 0 || err != nil {
			return err
		}
		total += n
	}
}

// adopt moves all that a former name of ours still owns to the present one.
func (r *run) adopt(ctx context.Context, l *lane, former string) error {
	for {
		n, err := r.claim(ctx, l, former, 1<<30)
		if n == 0 || err != nil {
			return exceptGroup(err)
		}
	}
}

// claim takes over some entries and returns how many.
func (r *run) claim(ctx context.Context, l *lane, from string, events int) (int, error) {
	me := l.name()
	keys := []string{l.keys.Events(), l.keys.Lease(from), l.keys.Lease(me)}
	reply, err := claimScript.Run(ctx, r.stream.Redis(), keys, r.config.Pipeline, from, me, mostClaimed, events).Slice()
	if err != nil {
		l.doubtful() // it may have been carried out
		return 0, fmt.Errorf("taking over in partition %d: %w", l.number, err)
	}
	if reply[0] != "claimed" {
		return 0, nil
	}
	for _, row := range reply[1:] {
		r.take(l, claimed(row.([]any)))
	}
	return len(reply) - 1, nil
}

// claimed reads one entry of the reply.
func claimed(row []any) delivered {
	id, _ := row[0].(string)
	times, _ := row[1].(int64)
	body, _ := row[3].(string)
	return delivered{id: id, attempt: int(times), body: body}
}
