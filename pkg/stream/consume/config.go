package consume

import (
	"errors"
	"fmt"
	"time"
)

// Config says how a pipeline is consumed. A zero field takes the default that it names.
type Config struct {
	// Pipeline is the name of the pipeline: letters, digits, '.', '-' and '_'. It has no default.
	Pipeline string
	// Instance begins the names of this process's consumers, so that people recognise it. Default: "worker".
	Instance string
	// BatchEvents is the most events that a handler gets at once. Default: 100 (the guide's).
	BatchEvents int
	// BatchWait is the longest that an event waits for its batch to fill. Zero waits for nothing: a handler that is
	// free takes what is there, so batches grow with the load by themselves. (The guide's is 100 ms.)
	BatchWait time.Duration
	// MinHandlers and MaxHandlers bound the handlers that run at once. Defaults: 2 and 16 (the guide's). Every
	// ScaleEvery (default: 5 s) there is one more while they are busy for more than 0.8 of their time or more waits
	// than there is room for, and one fewer while they are busy for less than 0.2. Equal bounds: always as many.
	MinHandlers, MaxHandlers int
	ScaleEvery               time.Duration
	// Lease is how long a process counts as alive after it last said so. Default: 5 s. Its entries are taken over
	// within twice that.
	Lease time.Duration
	// Drain is how long handlers may go on after the context has ended. Default: 10 s.
	Drain time.Duration
	// Metrics, if set, are kept up to date.
	Metrics *Metrics
}

func (c Config) withDefaults() Config {
	if c.Instance == "" {
		c.Instance = "worker"
	}
	if c.BatchEvents == 0 {
		c.BatchEvents = 100
	}
	if c.MinHandlers == 0 {
		c.MinHandlers = 2
	}
	if c.MaxHandlers == 0 {
		c.MaxHandlers = max(16, c.MinHandlers)
	}
	if c.ScaleEvery == 0 {
		c.ScaleEvery = 5 * time.Second
	}
	if c.Lease == 0 {
		c.Lease = 5 * time.Second
	}
	if c.Drain == 0 {
		c.Drain = 10 * time.Second
	}
	if c.Metrics == nil {
		c.Metrics = new(Metrics)
	}
	return c
}

// check returns all faults at once.
func (c Config) check(h Handler) error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!isName(c.Pipeline), "the pipeline's name %q is not letters, digits, '.', '-' and '_'", c.Pipeline)
	fault(c.BatchEvents < 1, "a batch of %d events", c.BatchEvents)
	fault(c.BatchWait < 0, "a batch can't wait %v", c.BatchWait)
	fault(c.MinHandlers < 1 || c.MaxHandlers < c.MinHandlers, "%d to %d handlers", c.MinHandlers, c.MaxHandlers)
	fault(c.ScaleEvery < 0, "handlers can't scale every %v", c.ScaleEvery)
	fault(c.Lease < 100*time.Millisecond, "a lease of %v is less than 100ms", c.Lease)
	fault(c.Drain < 0, "a drain of %v", c.Drain)
	fault(h == nil, "there is no handler")
	return errors.Join(faults...)
}

// isName keeps names out of trouble in keys, in fields of the ledger (<counter>:<pipeline>) and in URLs.
func isName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != ""
}
