package consume

import (
	"sync/atomic"
	"time"

	"millrace.dev/pkg/histogram"
)

// SlowHandler is the time from which a call of a handler counts as slow and is logged (the guide's 100 ms).
const SlowHandler = 100 * time.Millisecond

// Metrics is what a pipeline measures of itself in this process. Counters only grow; all may be read at any time.
// It must not be copied.
type Metrics struct {
	// Processed, Filtered and Dead count the events that were settled here, by outcome.
	Processed, Filtered, Dead atomic.Uint64
	// Lost counts the entries that were handled here and are not ours any more: somebody else has taken them over and
	// settles them, or their group is gone, and they are read again when it is made again.
	Lost atomic.Uint64
	// TakenOver counts the entries taken over from workers that died or left.
	TakenOver atomic.Uint64
	// Slow counts calls of a handler that took longer than SlowHandler, Failed those that panicked.
	Slow, Failed atomic.Uint64
	// Renamed counts the times that a lease had lapsed, Recreated those that a group had vanished, Epochs those that
	// Redis had lost a partition.
	Renamed, Recreated, Epochs atomic.Uint64
	// Handlers and Busy are gauges: how many handlers there are, and how many are in a call.
	Handlers, Busy atomic.Int64
	// Handling measures calls of the handler: each event counts with the duration of its call.
	Handling histogram.Recorder
	// EndToEnd measures from an event's arrival at the gateway until it was settled. The events of one entry count
	// with the oldest of them.
	EndToEnd histogram.Recorder
}
