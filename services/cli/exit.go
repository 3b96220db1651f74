package cli

import (
	"errors"
	"fmt"
)

// Exit codes of every command (the doctor has its own beside them).
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 64 // sysexits.h: EX_USAGE
	ExitUnavailable = 69 // sysexits.h: EX_UNAVAILABLE
)

// Exit is an error with an exit code. Its message may be empty: then all has been said.
type Exit struct {
	Code int
	Err  error
}

// Error implements error.
func (e Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns what happened.
func (e Exit) Unwrap() error { return e.Err }

// CodeOf is the exit code for the outcome of a command.
func CodeOf(err error) int {
	var e Exit
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &e):
		return e.Code
	}
	return ExitFailed
}

func usage(format string, args ...any) error { return Exit{ExitUsage, fmt.Errorf(format, args...)} }

func unavailable(err error) error { return Exit{ExitUnavailable, err} }
