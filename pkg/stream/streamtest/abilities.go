package streamtest

// Abilities is what the two servers don't have in common. A test asserts each, both ways, against both: so the list can
// only shrink.
type Abilities struct {
	// Processes: it can be killed, stopped, started again and paused.
	Processes bool
	// Config: CONFIG GET and SET.
	Config bool
	// Info: the sections server, memory and persistence of INFO.
	Info bool
	// MaxMemory: it can be full, and then refuses writes with OOM.
	MaxMemory bool
	// Lag: XINFO GROUPS tells lag and entries-read.
	Lag bool
	// DeletedInClaims: XAUTOCLAIM names the entries that are pending and no longer there.
	DeletedInClaims bool
	// ClaimKeepsCount: XAUTOCLAIM JUSTID leaves the delivery count as it is.
	ClaimKeepsCount bool
	// LargeUnpack: unpack of 7,999 values in a script.
	LargeUnpack bool
	// ExponentNumbers: a script's `..` turns 1e14 into 1e+14.
	ExponentNumbers bool
}

var (
	redisCan = Abilities{
		Processes: true, Config: true, Info: true, MaxMemory: true, Lag: true, DeletedInClaims: true,
		ClaimKeepsCount: true, LargeUnpack: true, ExponentNumbers: true,
	}
	embeddedCan = Abilities{}
)
