package survey

import (
	"context"
	"fmt"
	"strconv"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
)

// page is how many fields of a hash Redis is asked for at a time.
const page = 1000

// ReadTypes fills in the types of the partitions that have too many of them for a sweep. It reads page by page, so
// that Redis serves others between them; what is counted meanwhile may be in it in part. Ask for it now and then.
func ReadTypes(ctx context.Context, s *stream.Stream, v *Survey) error {
	for i := range v.Partitions {
		p := &v.Partitions[i]
		if p.Types != nil {
			continue
		}
		fields, err := scan(ctx, s, stream.KeysOf(p.Number).State(state.CountPipeline))
		if err != nil {
			return fmt.Errorf("reading the types of partition %d: %w", p.Number, stream.Classify(err))
		}
		p.Types, p.Other = types(fields)
	}
	return nil
}

func scan(ctx context.Context, s *stream.Stream, key string) (map[string]uint64, error) {
	fields := map[string]uint64{}
	for cursor := uint64(0); ; {
		flat, next, err := s.Redis().HScan(ctx, key, cursor, "", page).Result()
		if err != nil {
			return nil, err
		}
		for i := 0; i+1 < len(flat); i += 2 {
			if n, err := strconv.ParseUint(flat[i+1], 10, 64); err == nil {
				fields[flat[i]] = n
			}
		}
		if next == 0 {
			return fields, nil
		}
		cursor = next
	}
}
