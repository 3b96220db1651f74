package streamtest

import (
	"context"
	"fmt"
	"strconv"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
)

// An oracle tells what is in a stream without the roles that a test is about: it reads the entries and the counters
// themselves.

// Stored returns the events that are in the stream, by partition, in the order in which they lie there. An entry that
// says another number of events than it holds is an error.
func Stored(ctx context.Context, s *stream.Stream) ([][]event.Event, error) {
	stored := make([][]event.Event, s.Partitions())
	for p := range stored {
		var err error
		if stored[p], err = partition(ctx, s, p); err != nil {
			return nil, fmt.Errorf("partition %d: %w", p, err)
		}
	}
	return stored, nil
}

// pageEntries is how many entries are read at once: of up to 256 KiB each.
const pageEntries = 200

func partition(ctx context.Context, s *stream.Stream, p int) ([]event.Event, error) {
	var events []event.Event
	for from := "-"; ; {
		entries, err := s.Redis().XRangeN(ctx, stream.KeysOf(p).Events(), from, "+", pageEntries).Result()
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if events, err = unpack(events, entry.Values); err != nil {
				return nil, fmt.Errorf("entry %s: %w", entry.ID, err)
			}
			from = "(" + entry.ID
		}
		if len(entries) < pageEntries {
			return events, nil
		}
	}
}

func unpack(events []event.Event, values map[string]any) ([]event.Event, error) {
	before := len(events)
	batch, _ := values["b"].(string)
	events, err := event.DecodeBatch(events, batch)
	if err != nil {
		return nil, err
	}
	if n := fmt.Sprint(values["n"]); n != strconv.Itoa(len(events)-before) {
		return nil, fmt.Errorf("it says that it holds %s events, and holds %d", n, len(events)-before)
	}
	return events, nil
}

// Counters returns the sums over all partitions of what the ledger holds, by the names in the table of keys:
// "accepted", "processed:count".
func Counters(ctx context.Context, s *stream.Stream) (map[string]uint64, error) {
	sums := map[string]uint64{}
	for p := range s.Partitions() {
		fields, err := s.Redis().HGetAll(ctx, stream.KeysOf(p).Ledger()).Result()
		if err != nil {
			return nil, fmt.Errorf("the ledger of partition %d: %w", p, err)
		}
		for name, text := range fields {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("the ledger of partition %d: %s: %w", p, name, err)
			}
			sums[name] += n
		}
	}
	return sums, nil
}

// Counted returns the sums over all partitions of what a pipeline's state counts, by key.
func Counted(ctx context.Context, s *stream.Stream, pipeline string) (map[string]uint64, error) {
	sums := map[string]uint64{}
	for p := range s.Partitions() {
		fields, err := s.Redis().HGetAll(ctx, stream.KeysOf(p).State(pipeline)).Result()
		if err != nil {
			return nil, fmt.Errorf("the state of %s in partition %d: %w", pipeline, p, err)
		}
		for field, text := range fields {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("the state of %s in partition %d: %s: %w", pipeline, p, field, err)
			}
			key, _ := state.Key(field)
			sums[key] += n
		}
	}
	return sums, nil
}

// Owners returns how many entries each consumer of a pipeline was given and has not settled.
func Owners(ctx context.Context, s *stream.Stream, pipeline string) (map[string]int64, error) {
	owners := map[string]int64{}
	for p := range s.Partitions() {
		pending, err := s.Redis().XPending(ctx, stream.KeysOf(p).Events(), pipeline).Result()
		if err != nil {
			return nil, fmt.Errorf("pending entries of %s in partition %d: %w", pipeline, p, err)
		}
		for consumer, n := range pending.Consumers {
			owners[consumer] += n
		}
	}
	return owners, nil
}
