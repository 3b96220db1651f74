package doctor

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"time"

	"millrace.dev/pkg/stream"
)

// Probe is the outcome of trying to reach something.
type Probe struct {
	// Target is the address that was tried, without secrets.
	Target string `json:"target"`
	// Fault is empty when it was reached.
	Fault Fault `json:"fault,omitempty"`
	// Error is the failure in its own words.
	Error string `json:"error,omitempty"`
	// RoundTrip is how long the answer took, in nanoseconds.
	RoundTrip time.Duration `json:"round_trip,omitempty"`
}

// Fault is the way in which something can't be reached.
type Fault string

// The ways in which something can't be reached.
const (
	// FaultRefused: the machine answers, and nobody listens there.
	FaultRefused Fault = "refused"
	// FaultTimeout: no answer within the time.
	FaultTimeout Fault = "timeout"
	// FaultName: the name has no address.
	FaultName Fault = "name"
	// FaultDenied: it answers, and refuses the user, the password or the command.
	FaultDenied Fault = "denied"
	// FaultLoading: Redis answers, and is still reading its data from disk.
	FaultLoading Fault = "loading"
	// FaultFull: Redis answers, and is at its maxmemory.
	FaultFull Fault = "full"
	// FaultReadOnly: Redis answers, and takes no writes: a replica, or one that can't save.
	FaultReadOnly Fault = "read-only"
	// FaultOther is any other; Probe.Error says which.
	FaultOther Fault = "other"
)

// Reached is the outcome of an attempt to reach target: err is nil if it was, and took is how long it took.
func Reached(target string, took time.Duration, err error) Probe {
	if err == nil {
		return Probe{Target: target, RoundTrip: took}
	}
	return Probe{Target: target, Fault: faultOf(err), Error: oneLine(err)}
}

// Address is a URL as it may be shown: without user, password and query.
func Address(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "an address that is no URL"
	}
	rest = rest[strings.LastIndex(rest, "@")+1:]
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}

func faultOf(err error) Fault {
	var name *net.DNSError
	known := stream.Classify(err)
	switch {
	case errors.Is(known, stream.ErrDenied):
		return FaultDenied
	case errors.Is(known, stream.ErrFull):
		return FaultFull
	case errors.As(err, &name):
		return FaultName
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT): // the second: of a socket file
		return FaultRefused
	}
	return faultIn(err.Error())
}

// faultIn finds the fault in the words of an error. Errors that came over a network (gRPC, a gateway's
// readiness) are nothing but words.
func faultIn(text string) Fault {
	for _, known := range []struct {
		words string
		fault Fault
	}{
		{"WRONGPASS ", FaultDenied}, {"NOAUTH ", FaultDenied}, {"NOPERM ", FaultDenied},
		{"PermissionDenied", FaultDenied}, {"Unauthenticated", FaultDenied}, {"401 ", FaultDenied}, {"403 ", FaultDenied},
		{"OOM ", FaultFull}, {"LOADING ", FaultLoading}, {"READONLY ", FaultReadOnly}, {"MISCONF ", FaultReadOnly},
		{"no such host", FaultName}, {"connection refused", FaultRefused},
		{"deadline exceeded", FaultTimeout}, {"i/o timeout", FaultTimeout}, {"Timeout exceeded", FaultTimeout},
	} {
		if strings.Contains(text, known.words) {
			return known.fault
		}
	}
	return FaultOther
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", ": ") }
