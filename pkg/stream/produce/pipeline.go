package produce

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// pipelined sends what queue queues in one round trip. If Redis doesn't know the script, it is loaded and all
// is sent again: a script that is not known has not run. Errors of single commands are left in them.
func pipelined(ctx context.Context, client redis.UniversalClient, script *redis.Script, queue func(redis.Pipeliner)) error {
	for range 2 {
		pipe := client.Pipeline()
		queue(pipe)
		cmds, err := pipe.Exec(ctx)
		if !anyUnknown(cmds) {
			return err
		}
		if err := script.Load(ctx, client).Err(); err != nil {
			return fmt.Errorf("loading a script: %w", err)
		}
	}
	return fmt.Errorf("Redis forgets scripts as soon as they are loaded")
}

func anyUnknown(cmds []redis.Cmder) bool {
	for _, cmd := range cmds {
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			return true
		}
	}
	return false
}
