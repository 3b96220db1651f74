package consume

import "sync/atomic"

// Metrics is what a pipeline counts of itself in this process. All counters only grow, all may be read at any time.
type Metrics struct {
	// Processed, Filtered and Dead count the events that were settled here, by outcome.
	Processed, Filtered, Dead atomic.Uint64
	// Lost counts the entries that were handled here and had become somebody else's: they are settled there.
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
}
