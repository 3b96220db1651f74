package worker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/telemetry"
)

// Flags are the worker's own settings; each is a flag and an environment variable, MILLRACE_<NAME>.
type Flags struct {
	MinHandlers int           `name:"min-handlers" default:"2" help:"Fewest handlers of a pipeline at once, in each worker."`
	MaxHandlers int           `name:"max-handlers" default:"16" help:"Most of them: their number follows their load, by one every 5 s."`
	Lease       time.Duration `name:"lease" default:"5s" help:"How long a worker counts as alive after it last said so; its work is taken over within twice that."`
	Drain       time.Duration `name:"drain" default:"10s" help:"Longest time to finish what was begun, when stopping; the rest is left to other workers."`
	Retention   time.Duration `name:"retention" default:"1h" help:"How long events are kept after every pipeline has settled them, if a quarter of Redis's memory lasts that long."`
}

// mostHandlers bounds them, and with them what one worker takes from the others: each has room for four batches.
const mostHandlers = 1024

// Config is all that a worker needs.
type Config struct {
	Flags     `embed:""`
	HTTPAddr  string           `name:"http-addr" default:"127.0.0.1:0" help:"Listen here for health and debug calls."`
	StatsAddr string           `name:"stats-addr" default:"127.0.0.1:9000" help:"Where stats listens for gRPC."`
	StatsCA   string           `name:"stats-ca" placeholder:"FILE" help:"Speak TLS to stats, whose certificate is of the authorities in this file (PEM), or of those that this machine trusts: system."`
	Key       string           `name:"internal-key" help:"What services show each other."`
	Advertise string           `name:"advertise-addr" help:"Address under which other services reach this one. Default: where it listens, by this host's name if on all addresses."`
	Redis     stream.Config    `embed:"" group:"Redis"`
	Telemetry telemetry.Config `embed:"" group:"Process"`
	// Listening, if set, hears the address once it is known.
	Listening func(addr string) `kong:"-"`
	// StatsTLS, if set, is spoken to stats, whatever StatsCA says.
	StatsTLS *tls.Config `kong:"-"`
}

// Check returns all faults of the worker's own settings at once.
func (f Flags) Check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(f.MinHandlers < 1, "--min-handlers: %d is less than 1", f.MinHandlers)
	fault(f.MaxHandlers < f.MinHandlers || f.MaxHandlers > mostHandlers, "--max-handlers: %d is not within --min-handlers (%d) and %d",
		f.MaxHandlers, f.MinHandlers, mostHandlers)
	fault(f.Lease < 500*time.Millisecond, "--lease: %v is less than 500ms", f.Lease)
	fault(f.Drain <= 0, "--drain: %v is not above 0", f.Drain)
	fault(f.Retention < 0, "--retention: %v is negative", f.Retention)
	return errors.Join(faults...)
}

// Check returns all faults at once.
func (c Config) Check() error {
	_, err := c.statsTLS()
	return errors.Join(c.Flags.Check(), c.Redis.Check(), c.Telemetry.Check(), err)
}

// statsTLS is what is spoken to stats; nil: none.
func (c Config) statsTLS() (*tls.Config, error) {
	if c.StatsTLS != nil {
		return c.StatsTLS, nil
	}
	t, err := access.DialTLS(c.StatsCA)
	if err != nil {
		return nil, fmt.Errorf("--stats-ca: %w", err)
	}
	return t, nil
}
