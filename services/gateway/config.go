package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/telemetry"
	"millrace.dev/services/gateway/limit"
)

// Flags are the gateway's own settings; each is a flag and an environment variable, MILLRACE_<NAME>.
type Flags struct {
	BufferEvents int           `name:"buffer-events" default:"10000" help:"Most events taken from clients and not yet stored."`
	BufferBytes  int           `name:"buffer-bytes" default:"67108864" help:"Most bytes of those events."`
	BufferPolicy string        `name:"buffer-policy" enum:"block,reject,drop_oldest" default:"block" help:"What a full buffer does. block: clients are not read, so TCP pushes back. reject: they are refused, to try again. drop_oldest: the oldest that waits is dropped and its sender told. Named sessions are always held back."`
	MaxFrame     int           `name:"max-frame-bytes" default:"1048576" help:"Longest frame or body, in bytes. Fixed at the stream's first start, like the next three."`
	MaxEvent     int           `name:"max-event-bytes" default:"1048576" help:"Longest event, in bytes."`
	MaxBatch     int           `name:"max-batch" default:"1000" help:"Most events in a frame or body."`
	MaxDepth     int           `name:"max-depth" default:"64" help:"Deepest nesting of JSON."`
	Heartbeat    time.Duration `name:"heartbeat" default:"30s" help:"Between two pings to a client."`
	SessionTTL   time.Duration `name:"session-ttl" default:"24h" help:"How long a session without traffic is remembered."`
	Rates        limit.Flags   `embed:""`
	Marks        limit.Marks   `embed:""`
	Durability   string        `name:"durability" default:"auto" help:"What an acknowledgement survives: memory, stored, fsynced, replicated:N (on N replicas too), or auto: the best that Redis offers without waiting. A level that it can't give stops the start."`
	Grace        time.Duration `name:"grace" default:"10s" help:"Longest time to store and acknowledge what was taken, when stopping."`
}

// Config is all that a gateway needs.
type Config struct {
	Flags     `embed:""`
	HTTPAddr  string           `name:"http-addr" default:"127.0.0.1:8000" help:"Listen here for HTTP and WebSocket."`
	StatsAddr string           `name:"stats-addr" default:"127.0.0.1:9000" help:"Where stats listens for gRPC."`
	StatsCA   string           `name:"stats-ca" placeholder:"FILE" help:"Speak TLS to stats, whose certificate is of the authorities in this file (PEM), or of those that this machine trusts: system."`
	Key       string           `name:"internal-key" help:"What services show each other."`
	Advertise string           `name:"advertise-addr" help:"Address under which other services reach this one. Default: where it listens, by this host's name if on all addresses."`
	Access    access.Config    `embed:"" group:"Access"`
	Redis     stream.Config    `embed:"" group:"Redis"`
	Telemetry telemetry.Config `embed:"" group:"Process"`
	// Limits are made of the flags above by Run.
	Limits event.Limits `kong:"-"`
	// Listening, if set, hears the address once it is known.
	Listening func(addr string) `kong:"-"`
	// StatsTLS, if set, is spoken to stats, whatever StatsCA says.
	StatsTLS *tls.Config `kong:"-"`
}

// Check returns all faults of the gateway's own settings at once.
func (f Flags) Check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(f.BufferEvents < f.MaxBatch, "--buffer-events: %d is less than --max-batch=%d", f.BufferEvents, f.MaxBatch)
	fault(f.BufferBytes < f.MaxFrame, "--buffer-bytes: %d is less than --max-frame-bytes=%d", f.BufferBytes, f.MaxFrame)
	fault(f.Heartbeat < time.Second, "--heartbeat: %v is less than 1s", f.Heartbeat)
	fault(f.SessionTTL < time.Minute, "--session-ttl: %v is less than 1m", f.SessionTTL)
	fault(f.SessionTTL < 4*f.Heartbeat, "--session-ttl: %v is less than four times --heartbeat=%v: an open session would be forgotten", f.SessionTTL, f.Heartbeat)
	if _, err := stream.ParseDurability(f.Durability); err != nil {
		faults = append(faults, fmt.Errorf("--durability: %w", err))
	}
	fault(f.Grace < 0, "--grace: %v is negative", f.Grace)
	faults = append(faults, f.Rates.Check(), f.limits().Check())
	return errors.Join(append(faults, f.Marks.Check()...)...)
}

// Check returns all faults at once.
func (c Config) Check() error {
	_, err := c.statsTLS()
	return errors.Join(c.Flags.Check(), c.Access.Check(), c.Redis.Check(), c.Telemetry.Check(), err)
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

// limits are those that decide whether an event is valid.
func (f Flags) limits() event.Limits {
	return event.Limits{FrameBytes: f.MaxFrame, EventBytes: f.MaxEvent, BatchEvents: f.MaxBatch, Depth: f.MaxDepth}
}
