package stream

import (
	"context"
	"errors"
)

// Beside returns a handle for what lies beside the stream, as package control does. Unlike Open it tries once, and
// makes nothing of the stream: a command that comes before the first gateway does not fix the number of partitions. The
// handle has no partitions.
func Beside(ctx context.Context, c Config) (*Stream, error) {
	c.PoolMin = 0
	client, err := connect(c, false)
	if err != nil {
		return nil, err
	}
	s := &Stream{config: c, client: client, log: c.Log}
	if err := s.checkVersion(ctx); err != nil {
		return nil, errors.Join(classify(err), client.Close())
	}
	return s, nil
}
