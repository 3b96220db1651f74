package worker

import (
	"context"

	"millrace.dev/pkg/stream/consume"
	"millrace.dev/pkg/stream/state"
)

// builtin is the pipeline that always runs. Its batches are large: it looks at nothing but the type, and what a batch
// costs is shared by its events.
func builtin() consume.Config {
	return consume.Config{Pipeline: state.CountPipeline, BatchEvents: 2000}
}

// countTypes counts events by type.
func countTypes(_ context.Context, batch []consume.Delivery) []consume.Result {
	results := make([]consume.Result, len(batch))
	for i := range batch {
		results[i] = consume.Done(state.Add{Key: batch[i].Type, Count: 1})
	}
	return results
}
