package event

import (
	"errors"
	"fmt"
)

// Limits decide, with the rules of this package, which events are valid. All processes of one system must have the
// same: a resent event has to be refused again by whichever gateway it reaches. String is what they compare.
type Limits struct {
	// FrameBytes is the most bytes of a frame, or of the body of a request. The guide's frame is 1 MiB.
	FrameBytes int `default:"1048576" help:"Largest frame or request body, in bytes."`
	// EventBytes is the most bytes of one event, as it was sent. The default lets a frame be one event.
	EventBytes int `default:"1048576" help:"Largest event as sent, in bytes."`
	// BatchEvents is the most events of one array, or lines of one NDJSON body.
	BatchEvents int `default:"1000" help:"Most events in one frame or request."`
	// Depth is how deep arrays and objects of an event may nest, the event itself included: `{"data":[1]}` has
	// depth 2. The array that events are sent in does not count. Consumers decode data recursively; 64 is deeper
	// than what people write and shallow enough for any of them.
	Depth int `default:"64" help:"Deepest nesting of arrays and objects in an event."`
}

// rules is the version of what Limits does not say: the rules of this package and the constants below. It changes
// when an event that was valid no longer is, or the other way round.
const rules = 1

// Bounds that are not settings.
const (
	// MaxAttribute is the most bytes of an attribute that CloudEvents names and of `partitionkey`: they become
	// keys, labels and columns elsewhere. Extension attributes are bounded by the event alone.
	MaxAttribute = 1024
	// MaxExtensionName is the most bytes of the name of an extension. CloudEvents 1.0, 3.1 recommends 20.
	MaxExtensionName = 64
	// MaxExtensions is the most extension attributes of one event.
	MaxExtensions = 64
)

// DefaultLimits returns the limits that are documented at the fields.
func DefaultLimits() Limits {
	return Limits{FrameBytes: 1 << 20, EventBytes: 1 << 20, BatchEvents: 1000, Depth: 64}
}

// Check returns all faults at once, joined, or nil.
func (l Limits) Check() error {
	return errors.Join(
		within("frame bytes", l.FrameBytes, 1<<10, 256<<20), // Redis takes values of up to 512 MiB
		within("event bytes", l.EventBytes, 1<<10, max(l.FrameBytes, 1<<10)),
		within("batch events", l.BatchEvents, 1, 100_000),
		within("depth", l.Depth, 1, 1000), // jsontext recurses: at most 1 KiB of stack a level
	)
}

func within(name string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%s: %d is not between %d and %d", name, n, least, most)
	}
	return nil
}

// String returns a text that is equal exactly if the limits are. It is stored in Redis and compared, so it never
// changes its form.
func (l Limits) String() string {
	return fmt.Sprintf("rules=%d frame=%d event=%d batch=%d depth=%d",
		rules, l.FrameBytes, l.EventBytes, l.BatchEvents, l.Depth)
}
