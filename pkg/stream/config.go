package stream

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// DefaultPartitions is the number of partitions of a new stream.
const DefaultPartitions = 8

// DefaultURL is where Redis is looked for when nobody says where it is.
const DefaultURL = "redis://127.0.0.1:6379"

// MaxPartitions bounds them: each has a blocking reader in every worker.
const MaxPartitions = 256

// Config says which Redis holds the stream, and how to talk to it.
type Config struct {
	URL        string        `name:"redis-url" env:"REDIS_URL" placeholder:"URL" help:"Redis: redis://, rediss://, unix://, redis-sentinel://host,host/master or redis-cluster://host,host. Default: redis://127.0.0.1:6379; 'up' starts its own."`
	PoolMin    int           `name:"redis-pool-min" default:"5" help:"Connections to Redis kept open."`
	PoolMax    int           `name:"redis-pool-max" default:"20" help:"Most connections to Redis, beside one a partition and pipeline for blocking reads."`
	Timeout    time.Duration `name:"redis-timeout" default:"5s" help:"Longest wait for an answer of Redis."`
	Partitions int           `name:"partitions" default:"0" help:"Partitions of the stream, fixed at its first start (0: what Redis holds, at the first start 8)."`

	// Limits is the text of the limits that decide whether an event is valid. They are written beside the
	// number of partitions at the first start, and every append checks both. Empty: this process appends nothing.
	Limits string `kong:"-"`
	// Durability is what an acknowledgement has to survive, as ParseDurability reads it. Open fails with ErrDurability if
	// the server can't give it. Empty: the best that the server offers without waiting.
	Durability string `kong:"-"`
	// Log gets a line when Redis goes away and one when it is back. Nil: slog's default.
	Log *slog.Logger `kong:"-"`
}

// confirmWithin is how long each of n confirmations (WAIT, WAITAOF) may take that are waited for one after the other:
// they end before the answer is given up. Never 0, which would wait for ever.
func (c Config) confirmWithin(n int) time.Duration {
	return max(c.Timeout*9/10/time.Duration(n), 100*time.Millisecond)
}

// cronSlack is what Redis may be late by when it ends a wait: it looks for those that are over ten times a second.
const cronSlack = 250 * time.Millisecond

// readWithin is how long an answer is waited for. All replies of a pipeline share it, and the confirmations in it.
func (c Config) readWithin() time.Duration {
	if d, err := ParseDurability(c.Durability); err != nil || !d.Waits() {
		return c.Timeout
	}
	return max(c.Timeout, 2*c.confirmWithin(2)+cronSlack)
}

// Check returns all faults of the configuration at once, each with the name of its flag.
func (c Config) Check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(c.PoolMin < 0, "--redis-pool-min: %d is negative", c.PoolMin)
	fault(c.PoolMax < 1, "--redis-pool-max: %d is less than 1", c.PoolMax)
	fault(c.PoolMin > c.PoolMax, "--redis-pool-min: %d is more than --redis-pool-max=%d", c.PoolMin, c.PoolMax)
	fault(c.Timeout < 100*time.Millisecond, "--redis-timeout: %v is less than 100ms", c.Timeout)
	fault(c.Partitions < 0 || c.Partitions > MaxPartitions, "--partitions: %d is not within 1..%d (0: as Redis has it)", c.Partitions, MaxPartitions)
	if c.URL != "" {
		if _, err := parseURL(c.URL); err != nil {
			faults = append(faults, fmt.Errorf("--redis-url: %w", err))
		}
	}
	return errors.Join(faults...)
}
