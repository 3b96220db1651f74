package stream

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed prepare.lua
var prepareSource string

var prepareScript = redis.NewScript(prepareSource)

// Prepare makes the layout and the epoch of a partition if they are missing: at the first start, and again
// when Redis has lost them. It returns ErrPartitions or ErrLimits if those that are there differ from ours.
func (s *Stream) Prepare(ctx context.Context, partition int) error {
	k := KeysOf(partition)
	reply, err := prepareScript.Run(ctx, s.client, []string{k.Layout(), k.Epoch()},
		strconv.Itoa(s.partitions), s.config.Limits, rand.Text()).StringSlice()
	if err != nil {
		return fmt.Errorf("preparing partition %d: %w", partition, err)
	}
	return s.disagreement(reply)
}

// disagreement turns the reply of a script that compared the layout into an error.
func (s *Stream) disagreement(reply []string) error {
	if len(reply) == 1 {
		return nil
	}
	if reply[1] != strconv.Itoa(s.partitions) {
		return fmt.Errorf("%w: Redis holds %s, --partitions says %d", ErrPartitions, reply[1], s.partitions)
	}
	return fmt.Errorf("%w: Redis holds %q, this process has %q", ErrLimits, reply[2], s.config.Limits)
}

// found is the number of partitions that Redis holds, or the default if it holds none.
func (s *Stream) found(ctx context.Context) (int, error) {
	n, err := s.client.HGet(ctx, KeysOf(0).Layout(), "partitions").Int()
	if errors.Is(err, redis.Nil) {
		return DefaultPartitions, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the layout: %w", err)
	}
	return n, nil
}

// oldest is the first Redis with all that the scripts use (7.0: writes after TIME are replicated by effect).
const oldest = 7

// checkVersion refuses a Redis that is too old. One that does not tell its version (INFO forbidden, or the
// embedded server) is believed.
func (s *Stream) checkVersion(ctx context.Context) error {
	info, err := s.client.Info(ctx, "server").Result()
	if err != nil {
		if !refusesInfo(err) {
			return fmt.Errorf("asking Redis for its version: %w", err)
		}
		if errors.Is(classify(err), ErrDenied) && !hasCode(err.Error(), "NOPERM") { // NOPERM: INFO alone, perhaps
			return classify(err)
		}
		return s.client.Ping(ctx).Err()
	}
	_, version, ok := strings.Cut(info, "redis_version:")
	if !ok {
		return nil
	}
	version, _, _ = strings.Cut(version, "\r")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldest {
		return fmt.Errorf("%w: it is %s, %d.0 is needed", ErrTooOld, version, oldest)
	}
	return nil
}
