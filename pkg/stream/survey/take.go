package survey

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
)

//go:embed survey.lua
var surveySource string

var surveyScript = redis.NewScript(surveySource)

// What one script may take of Redis's time: some milliseconds at worst.
const (
	// mostPending bounds the pending entries that are counted in a group and partition: 5 ms.
	mostPending = 4096
	// mostKinds bounds the types that are read in a partition.
	mostKinds = 500
)

// Take makes one sweep: a script in each partition, which reads it at one moment, in one round trip, and what Redis
// says of itself in two more. Nothing is written. An error says that Redis could not be read; there is no half of a
// survey.
func Take(ctx context.Context, s *stream.Stream) (Survey, error) {
	v := Survey{Taken: time.Now()}
	replies, err := sweep(ctx, s)
	if err != nil {
		return Survey{}, fmt.Errorf("surveying the stream: %w", stream.Classify(err))
	}
	for number, r := range replies {
		p, leases, err := r.partition(number, v.Taken)
		if err != nil {
			return Survey{}, fmt.Errorf("surveying partition %d: %w", number, err)
		}
		v.Partitions = append(v.Partitions, p)
		v.Leases = append(v.Leases, leases...)
	}
	if err := v.addServer(ctx, s); err != nil {
		return Survey{}, fmt.Errorf("surveying Redis: %w", stream.Classify(err))
	}
	return v, nil
}

// sweep runs the script in all partitions.
func sweep(ctx context.Context, s *stream.Stream) ([]reply, error) {
	cmds, err := run(ctx, s)
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // a Redis that was restarted, or that we see for the first time
		if err = load(ctx, s); err == nil {
			cmds, err = run(ctx, s)
		}
	}
	if err != nil {
		return nil, err
	}
	replies := make([]reply, len(cmds))
	for i, cmd := range cmds {
		if replies[i], err = cmd.Slice(); err != nil {
			return nil, err
		}
	}
	return replies, nil
}

func run(ctx context.Context, s *stream.Stream) ([]*redis.Cmd, error) {
	pipe := s.Redis().Pipeline()
	cmds := make([]*redis.Cmd, s.Partitions())
	for p := range cmds {
		k := stream.KeysOf(p)
		keys := []string{k.Events(), k.Ledger(), k.Groups(), k.Epoch(), k.State(state.CountPipeline)}
		cmds[p] = surveyScript.EvalSha(ctx, pipe, keys, k.Lease(""), mostPending, mostKinds)
	}
	_, err := pipe.Exec(ctx)
	return cmds, err
}

func load(ctx context.Context, s *stream.Stream) error {
	return surveyScript.Load(ctx, s.Redis()).Err()
}
