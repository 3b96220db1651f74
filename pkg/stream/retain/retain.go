// Package retain cuts off the old end of the stream: what every registered pipeline has settled and is older than the
// retention, or beyond what fits in memory. What a pipeline has not settled is never cut, whatever it costs.
package retain

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

//go:embed trim.lua
var trimSource string

var trimScript = redis.NewScript(trimSource)

const (
	// interval between two looks.
	interval = 2 * time.Second
	// lease: who trimmed a partition goes on doing so; when it is gone, another one does after this time.
	lease = 3 * interval
)

// Run trims all partitions every 2 s until ctx ends. What all pipelines have settled is kept for as long as keep, and
// in a quarter of Redis's memory at most. Every worker runs it; in each partition one of them is at work. It waits
// while Redis is away; it returns nil when ctx ends, and on what waiting can't mend (stream.ErrDenied) an error.
func Run(ctx context.Context, s *stream.Stream, keep time.Duration) error {
	t := newTrimmer(s, keep)
	for {
		err := t.pass(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !stream.Transient(err) {
			return err
		}
		t.report(err)
		if stream.Sleep(ctx, interval) != nil {
			return nil
		}
	}
}

type trimmer struct {
	stream *stream.Stream
	name   string
	keep   time.Duration
	failed bool
}

func newTrimmer(s *stream.Stream, keep time.Duration) *trimmer {
	return &trimmer{stream: s, name: rand.Text(), keep: keep}
}

// pass looks at every partition once.
func (t *trimmer) pass(ctx context.Context) error {
	budget, err := t.budget(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for p := range t.stream.Partitions() {
		if err := t.trim(ctx, p, budget); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (t *trimmer) trim(ctx context.Context, partition int, budget uint64) error {
	k := stream.KeysOf(partition)
	reply, err := trimScript.Run(ctx, t.stream.Redis(), []string{k.Events(), k.Groups(), k.Ledger(), k.Trimmer()},
		t.name, lease.Milliseconds(), t.keep.Milliseconds(), strconv.FormatUint(budget, 10)).Slice()
	if err != nil {
		return fmt.Errorf("trimming partition %d: %w", partition, stream.Classify(err))
	}
	if entries, _ := reply[1].(int64); reply[0] == "trimmed" && entries > 0 {
		t.stream.Log().Debug("trimmed", "partition", partition, "entries", entries, "events", reply[2])
	}
	return nil
}

// report says once that trimming fails, and once that it goes on.
func (t *trimmer) report(err error) {
	switch {
	case err != nil && !t.failed:
		t.stream.Log().Warn("the stream can't be trimmed now", "error", err)
	case err == nil && t.failed:
		t.stream.Log().Info("the stream is trimmed again")
	}
	t.failed = err != nil
}
