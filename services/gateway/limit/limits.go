package limit

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"millrace.dev/pkg/stream/control"
)

// Flags are the limits that a gateway starts with; each can be set at run time, on all gateways, by `millrace limit`.
// 0 is no limit. Rates are a second and gateway; clients without a key are one credential; addresses of this machine
// are not counted.
type Flags struct {
	EventsPerCredential   float64 `name:"limit-events-per-credential" default:"0" help:"Most events a second of a credential; clients without a key are one. 0: no limit, as for all that follow."`
	BytesPerCredential    float64 `name:"limit-bytes-per-credential" default:"0" help:"Most bytes a second of a credential."`
	EventsPerAddress      float64 `name:"limit-events-per-address" default:"0" help:"Most events a second from an address; of IPv6 the first 64 bits count, this machine's own do not."`
	BytesPerAddress       float64 `name:"limit-bytes-per-address" default:"0" help:"Most bytes a second from an address."`
	SessionsPerCredential float64 `name:"limit-sessions-per-credential" default:"1000" help:"Most new sessions and idempotency keys a second of a credential: Redis remembers each for a day."`
	SessionsPerAddress    float64 `name:"limit-sessions-per-address" default:"100" help:"Most new sessions and idempotency keys a second from an address."`
	Connections           float64 `name:"limit-connections" default:"20000" help:"Most WebSockets open at a time; connections that are none (yet) have that many places too, and 1024 more."`
	ConnectionsPerAddress float64 `name:"limit-connections-per-address" default:"1000" help:"Most WebSockets open at a time from an address, and as many other connections."`
	DryRun                bool    `name:"limit-dry-run" help:"Only count what limits would refuse or hold back, and let it pass."`
}

// Set are the limits that hold: by name, those that are not 0.
type Set map[control.Limit]float64

// set is what the flags say.
func (f Flags) set() Set {
	return Set{
		control.EventsPerCredential: f.EventsPerCredential, control.BytesPerCredential: f.BytesPerCredential,
		control.EventsPerAddress: f.EventsPerAddress, control.BytesPerAddress: f.BytesPerAddress,
		control.SessionsPerCredential: f.SessionsPerCredential, control.SessionsPerAddress: f.SessionsPerAddress,
		control.Connections: f.Connections, control.ConnectionsPerAddress: f.ConnectionsPerAddress,
	}
}

// Under is what holds when operators have set those limits at run time: theirs come before the flags.
func (f Flags) Under(set map[control.Limit]float64) Set {
	all := f.set()
	maps.Copy(all, set)
	maps.DeleteFunc(all, func(_ control.Limit, n float64) bool { return n == 0 })
	return all
}

// Check returns all faults at once.
func (f Flags) Check() error {
	var faults []error
	all := f.set()
	for _, name := range control.Limits() {
		if n := all[name]; n < 0 || math.IsNaN(n) || math.IsInf(n, 0) {
			faults = append(faults, fmt.Errorf("--limit-%s: %v is not 0 or more", name, n))
		}
	}
	return errors.Join(faults...)
}

// Names of the limits that are not 0, in the order of control.Limits.
func (s Set) Names() []control.Limit {
	return slices.DeleteFunc(control.Limits(), func(l control.Limit) bool { return s[l] == 0 })
}
