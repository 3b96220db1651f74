package stats

import (
	"errors"
	"fmt"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/telemetry"
)

// Flags are stats' own settings; each is a flag and an environment variable, MILLRACE_<NAME>.
type Flags struct {
	Forget time.Duration `name:"forget-instances" default:"10m" help:"How long a process that reports no more is still listed."`
}

// Config is all that stats needs.
type Config struct {
	Flags     `embed:""`
	GRPCAddr  string           `name:"grpc-addr" default:"127.0.0.1:9000" help:"Listen here for gRPC: statistics, and the reports of other services."`
	HTTPAddr  string           `name:"http-addr" default:"127.0.0.1:0" help:"Listen here for health and debug calls."`
	Key       string           `name:"internal-key" help:"What services show each other. Without one, reports are taken from loopback only."`
	Advertise string           `name:"advertise-addr" help:"Address under which other services reach this one. Default: where it listens, by this host's name if on all addresses."`
	Access    access.Config    `embed:"" group:"Access"`
	Redis     stream.Config    `embed:"" group:"Redis"`
	Telemetry telemetry.Config `embed:"" group:"Process"`
	// Listening, if set, hears the address of gRPC once it is known.
	Listening func(addr string) `kong:"-"`
}

// Check returns all faults of stats' own settings at once.
func (f Flags) Check() error {
	if f.Forget < time.Minute {
		return fmt.Errorf("--forget-instances: %v is less than 1m", f.Forget)
	}
	return nil
}

// Check returns all faults at once.
func (c Config) Check() error {
	return errors.Join(c.Flags.Check(), c.Access.Check(), c.Redis.Check(), c.Telemetry.Check())
}
