package stream

import (
	"context"
	"errors"
)

// Probe tries once whether the Redis of c answers, is new enough and takes writes. Unlike Open it makes nothing
// of the stream, so that looking at a Redis leaves it as it is, and its error is that of the attempt. The
// caller bounds the time by ctx.
func Probe(ctx context.Context, c Config) error {
	c.PoolMin, c.PoolMax = 0, 1
	client, err := connect(c, false)
	if err != nil {
		return err
	}
	s := &Stream{config: c, client: client}
	if err = s.checkVersion(ctx); err == nil {
		err = s.Ready(ctx)
	}
	return errors.Join(classify(err), client.Close())
}
