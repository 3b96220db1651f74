package produce

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

// confirmation is what makes a pipeline wait, at its end, until all that was written before it is as durable as was
// asked for. The zero value waits for nothing and is good.
type confirmation struct {
	want   stream.Promise
	fence  *redis.StatusCmd
	fsync  *redis.IntSliceCmd
	copies *redis.IntCmd
}

// fenceLife is how long a fence is kept: nobody reads it.
const fenceLife = time.Minute

// confirm queues the waiting behind what pipe holds already. Redis waits for what the connection itself wrote last, and
// an append that is found stored already writes nothing: from 7.2 such a connection waits for nothing at all. So there
// is always a write of our own before it, in a slot of the same node. A full Redis refuses that one, and then the wait
// says nothing.
func (a *Appender) confirm(ctx context.Context, pipe redis.Pipeliner, partition int) confirmation {
	c := confirmation{want: a.stream.Promised()}
	waits := 0
	if c.want.Fsync {
		waits++
	}
	if c.want.Replicas > 0 {
		waits++
	}
	if waits == 0 {
		return c
	}
	within := a.stream.ConfirmWithin(waits)
	a.fences++
	c.fence = pipe.Set(ctx, stream.KeysOf(partition).Fence(), a.instance+" "+strconv.FormatUint(a.fences, 10), fenceLife)
	if c.want.Fsync {
		c.fsync = redis.NewIntSliceCmd(ctx, "waitaof", 1, 0, within.Milliseconds())
		_ = pipe.Process(ctx, c.fsync)
	}
	if c.want.Replicas > 0 {
		c.copies = redis.NewIntCmd(ctx, "wait", c.want.Replicas, within.Milliseconds())
		_ = pipe.Process(ctx, c.copies)
	}
	return c
}

// err says why what was written is not as durable as it has to be. Too few replicas are no error of Redis: it answers
// how many there are.
func (c confirmation) err() error {
	if c.fence == nil {
		return nil
	}
	if err := c.fence.Err(); err != nil {
		return stream.Classify(err)
	}
	if c.fsync != nil {
		done, err := c.fsync.Result()
		if err != nil {
			return stream.Classify(err)
		}
		if len(done) < 1 || done[0] < 1 {
			return fmt.Errorf("%w: not fsynced in time", stream.ErrUnconfirmed)
		}
	}
	if c.copies != nil {
		n, err := c.copies.Result()
		if err != nil {
			return stream.Classify(err)
		}
		if n < int64(c.want.Replicas) {
			return fmt.Errorf("%w: %d of %d replicas have it", stream.ErrUnconfirmed, n, c.want.Replicas)
		}
	}
	return nil
}

// flight is one pipeline: the attempts in it, and where it goes.
type flight struct {
	to       redis.UniversalClient
	attempts []*attempt
}

// flights says what is sent together. What has to be confirmed must lie on one node, on one connection: on a Cluster
// go-redis would send a WAIT, which has no key, to any node. There each attempt flies alone, to the primary of its slot.
func (a *Appender) flights(ctx context.Context, open []*attempt) []flight {
	cluster, ok := a.stream.Redis().(*redis.ClusterClient)
	if !ok || !a.stream.Demand().Waits() {
		return []flight{{a.stream.Redis(), open}}
	}
	var all []flight
	for _, t := range open {
		node, err := cluster.MasterForKey(ctx, stream.KeysOf(t.batch.Partition).Events())
		if err != nil {
			t.fail(stream.Classify(err))
			continue
		}
		all = append(all, flight{node, []*attempt{t}})
	}
	return all
}
