package retain

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"millrace.dev/pkg/stream"
)

// unreported is what counts as the limit where Redis reports no memory at all.
const unreported = 512 << 20

// budget is how many bytes of settled events a partition may keep: a quarter of what Redis may use, shared among the
// partitions. On a Cluster each node holds some of them, so there it is less than it could be.
func (t *trimmer) budget(ctx context.Context) (uint64, error) {
	info, err := t.stream.Redis().Info(ctx, "memory").Result()
	if err != nil && !stream.Refused(err) { // an INFO that is forbidden or unknown reports nothing
		return 0, fmt.Errorf("asking Redis for its memory: %w", err)
	}
	return limit(info) / 4 / uint64(t.stream.Partitions()), nil
}

// limit is maxmemory; without one, half of the memory that Redis reports for its machine.
func limit(info string) uint64 {
	if n := field(info, "maxmemory"); n > 0 {
		return n
	}
	if n := field(info, "total_system_memory"); n > 0 {
		return n / 2
	}
	return unreported
}

func field(info, name string) uint64 {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
