package consume

import (
	"context"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
)

// Handler handles a batch and returns a result for each event, in their order, or nil: all done. It is called by
// several goroutines at once. The slice is the handler's only until it returns; what the events point to may be kept
// and must not be changed.
//
// When ctx ends, time is up: what is not finished stays with the stream, and somebody else gets it. A handler that
// panics or returns a wrong number of results gets the same batch again after a while.
type Handler func(ctx context.Context, batch []Delivery) []Result

// Delivery is one event that a handler gets.
type Delivery struct {
	event.Event
	// At is the event's place in the stream.
	At stream.Position
	// Attempt is 1 unless somebody was given the event before, who may have handled it.
	Attempt int
}
