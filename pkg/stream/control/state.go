package control

import (
	"time"

	"millrace.dev/pkg/access"
)

// State is all that operators have said. The zero value is that they have said nothing.
type State struct {
	// Version grows with every change; 0: there was none.
	Version uint64
	// Pause is set while intake is stopped.
	Pause *Change
	// Limits are those that were set at run time, in place of a gateway's own flags: by name, the constants below.
	Limits map[Limit]float64
	// LimitsChange is the last change of Limits; nil: there was none.
	LimitsChange *Change
	// Keys that are valid, by when they were made.
	Keys []access.Key
	// Log holds the latest changes, newest first.
	Log []Change
	// Lost: Redis came back without something that operators had said, and what is here of it is what this process
	// remembers. It is remembered until somebody says it anew; see Watch.
	Lost bool
	// LostKeys: that is so of the keys. Those that Redis does not hold can't be revoked; with the next change of keys
	// they end.
	LostKeys bool
	// CameBack are the ids of keys that Redis holds again although this process saw them revoked. They open nothing
	// here. A process that starts knows nothing of that: they have to be revoked again.
	CameBack []string
}

// Change says who did what, when, and why.
type Change struct {
	// At is by the clock of Redis.
	At time.Time `json:"at"`
	// By is the credential that did it.
	By string `json:"by"`
	// What was done: paused, resumed, limited, key created, key revoked, and to what.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
}

// Limit names a limit that can be set at run time. A value of 0 is: no limit.
type Limit string

// The limits. Rates are a second and gateway. Clients without a key are one credential.
const (
	EventsPerCredential   Limit = "events-per-credential"
	BytesPerCredential    Limit = "bytes-per-credential"
	EventsPerAddress      Limit = "events-per-address"
	BytesPerAddress       Limit = "bytes-per-address"
	SessionsPerCredential Limit = "sessions-per-credential" // new sessions and idempotency keys
	SessionsPerAddress    Limit = "sessions-per-address"
	Connections           Limit = "connections" // open at a time
	ConnectionsPerAddress Limit = "connections-per-address"
)

// Limits are all limits, in the order in which they are shown.
func Limits() []Limit {
	return []Limit{EventsPerCredential, BytesPerCredential, EventsPerAddress, BytesPerAddress,
		SessionsPerCredential, SessionsPerAddress, Connections, ConnectionsPerAddress}
}
