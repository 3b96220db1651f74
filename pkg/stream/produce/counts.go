package produce

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

//go:embed counts.lua
var countsSource string

var countsScript = redis.NewScript(countsSource)

// WriteCounts writes a gateway's own totals of events that never reached the stream, under its instance's id.
// Called once a second, so that a kill -9 forgets at most the last one.
func WriteCounts(ctx context.Context, s *stream.Stream, instance string, rejected, dropped uint64) error {
	err := countsScript.Run(ctx, s.Redis(), []string{stream.CountsKey},
		instance, strconv.FormatUint(rejected, 10), strconv.FormatUint(dropped, 10)).Err()
	if err != nil {
		return fmt.Errorf("writing the counts of what was refused: %w", err)
	}
	return nil
}
