package consume

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

//go:embed group.lua
var groupSource string

var groupScript = redis.NewScript(groupSource)

// ensure makes the partition and the group if they are missing, and notes the epoch.
func (r *run) ensure(ctx context.Context, l *lane) error {
	if err := r.stream.Prepare(ctx, l.number); err != nil {
		return err
	}
	keys := []string{l.keys.Events(), l.keys.Ledger(), l.keys.Groups(), l.keys.Epoch()}
	reply, err := groupScript.Run(ctx, r.stream.Redis(), keys, r.config.Pipeline).StringSlice()
	if err != nil {
		return fmt.Errorf("creating the group of partition %d: %w", l.number, stream.Classify(err))
	}
	what, epoch, low, again := reply[0], reply[1], reply[2], reply[3]
	r.noteEpoch(l, epoch)
	switch what {
	case "created":
		r.log.Info("a group was created", "partition", l.number)
	case "adopted":
		r.log.Warn("a group that was not registered was found and is used", "partition", l.number, "low_water", low)
	case "recreated":
		r.config.Metrics.Recreated.Add(1)
		r.log.Warn("a group had vanished and was created again", "partition", l.number, "low_water", low, "read_again", again)
	}
	return nil
}

// regroup mends a missing group. It returns the error all the same: the reader waits before its next try.
func (r *run) regroup(ctx context.Context, l *lane, err error) error {
	if exceptGroup(err) != nil || err == nil {
		return err
	}
	if fault := r.ensure(ctx, l); fault != nil {
		r.outage.report(l.reading(), fault) // until a read succeeds, whoever has mended the group by then
		return fault
	}
	return err
}

// exceptGroup is err, or nil if it says that there is no such group: Redis is well then.
func exceptGroup(err error) error {
	if err == nil || strings.Contains(err.Error(), "NOGROUP") || strings.Contains(err.Error(), "UNBLOCKED") {
		return nil
	}
	return err
}

// noteEpoch compares the life of a partition with the one that we knew.
func (r *run) noteEpoch(l *lane, epoch string) {
	l.mu.Lock()
	was := l.epoch
	if epoch != "" {
		l.epoch = epoch
	}
	l.mu.Unlock()
	if was == "" || epoch == "" || was == epoch {
		return
	}
	r.config.Metrics.Epochs.Add(1)
	r.log.Error("Redis has lost the events of a partition and began anew", "partition", l.number, "epoch", epoch, "was", was)
}
