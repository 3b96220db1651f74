package doctor

import (
	"context"
	"errors"
	"net"
	"os"
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

func faultOf(err error) Fault {
	var name *net.DNSError
	text := stream.Classify(err)
	switch {
	case errors.Is(text, stream.ErrDenied):
		return FaultDenied
	case errors.Is(text, stream.ErrFull):
		return FaultFull
	case errors.As(err, &name):
		return FaultName
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT): // the second: of a socket file
		return FaultRefused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return FaultTimeout
	case says(err, "LOADING"):
		return FaultLoading
	case says(err, "READONLY"), says(err, "MISCONF"):
		return FaultReadOnly
	}
	return FaultOther
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// says looks for a code of Redis, which is a word of capitals that nothing else writes so.
func says(err error, code string) bool { return strings.Contains(err.Error(), code+" ") }

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", ": ") }
