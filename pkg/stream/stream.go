package stream

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Stream is the handle on the event log: what all roles share.
type Stream struct {
	config     Config
	client     redis.UniversalClient
	partitions int
	log        *slog.Logger
	demand     Demand
	promise    atomic.Pointer[Promise]
}

// Position is a place in the stream: of one event in one life of a partition.
type Position struct {
	Partition int
	// Epoch is the life of the partition: ids of another one mean nothing.
	Epoch string
	// Entry is the id of the stream entry, Index the event's place in it.
	Entry string
	Index int
}

// Open waits until Redis answers, checks that it is the one that this configuration means, and returns the
// handle. While Redis is away or loading it tries again, with backoff, and says so in the log; it gives up
// when ctx ends and on what waiting can't mend: ErrPartitions, ErrLimits, ErrTooOld, ErrDenied, ErrDurability.
func Open(ctx context.Context, c Config) (*Stream, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.URL == "" {
		c.URL = DefaultURL
	}
	demand, err := ParseDurability(c.Durability)
	if err != nil {
		return nil, fmt.Errorf("durability: %w", err)
	}
	client, err := connect(c, false)
	if err != nil {
		return nil, err
	}
	s := &Stream{config: c, client: client, log: c.Log, partitions: c.Partitions, demand: demand}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return s, nil
}

// await tries until the stream is prepared in every partition.
func (s *Stream) await(ctx context.Context) error {
	wait := Backoff{Least: 100 * time.Millisecond, Most: 5 * time.Second}
	for {
		err := s.begin(ctx)
		if err == nil || !Transient(err) {
			return err
		}
		pause := wait.Next()
		s.log.Warn("waiting for Redis", "error", err.Error(), "retry_in", pause.Round(time.Millisecond).String())
		if err := Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (s *Stream) begin(ctx context.Context) error {
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	if err := s.checkDurability(ctx); err != nil {
		return err
	}
	if s.partitions == 0 {
		n, err := s.found(ctx)
		if err != nil {
			return err
		}
		s.partitions = n
	}
	for p := range s.partitions {
		if err := s.Prepare(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// Partitions is the number of partitions, fixed when the stream was made.
func (s *Stream) Partitions() int { return s.partitions }

// Partition returns the partition of a key: of an event's partitionkey, else of its session.
func (s *Stream) Partition(key []byte) int { return PartitionOf(key, s.partitions) }

// PartitionOf returns the partition of a key in a stream of that many partitions.
func PartitionOf(key []byte, partitions int) int {
	h := fnv.New32a()
	h.Write(key)
	return int(h.Sum32() % uint32(partitions))
}

// Clustered says whether partitions lie on several nodes.
func (s *Stream) Clustered() bool {
	_, ok := s.client.(*redis.ClusterClient)
	return ok
}

// Demand is the durability that was asked for.
func (s *Stream) Demand() Demand { return s.demand }

// Limits is the text of the limits that this process appends under.
func (s *Stream) Limits() string { return s.config.Limits }

// Log is where the roles report what an operator should see.
func (s *Stream) Log() *slog.Logger { return s.log }

// Redis is for the packages below this one: nobody else talks to Redis.
func (s *Stream) Redis() redis.UniversalClient { return s.client }

// Reader returns a client of its own for blocking reads. Whoever asks for it closes it; that is the only way
// to end a blocking read, which the end of a context does not interrupt.
func (s *Stream) Reader() (redis.UniversalClient, error) { return connect(s.config, true) }

// Ready proves that Redis takes writes. A Redis that is full, read-only or loading is not ready.
func (s *Stream) Ready(ctx context.Context) error {
	return s.client.Set(ctx, prefix+"ready", time.Now().UTC().Format(time.RFC3339), time.Minute).Err()
}

// Epoch is the id of this life of a partition; it changes when Redis lost the stream.
func (s *Stream) Epoch(ctx context.Context, partition int) (string, error) {
	return s.client.Get(ctx, KeysOf(partition).Epoch()).Result()
}

// Close closes the connections.
func (s *Stream) Close() error { return s.client.Close() }
