package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// guarded turns a panic into an error, so that the other parts can still stop in order.
func guarded(ctx context.Context, run func(context.Context, func()) error, ready func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{Value: v, Stack: debug.Stack()}
		}
	}()
	return run(ctx, ready)
}

// errExited stays when run neither returned nor panicked.
var errExited = errors.New("its goroutine exited (runtime.Goexit)")

// Panic is the error of an actor that panicked.
type Panic struct {
	Value any    // what was given to panic
	Stack []byte // of the goroutine that panicked
}

// Error names the value and shows the stack: it is a fault of the program, and where it lies is all that helps.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v\n%s", p.Value, p.Stack) }

// Unwrap returns the value where it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// onlyCanceled reports whether err says nothing but that a context was cancelled. errors.Is would also say yes to
// a cancellation that is joined with the failure that matters.
func onlyCanceled(err error) bool {
	for err != nil {
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range several.Unwrap() {
				if !onlyCanceled(e) {
					return false
				}
			}
			return true
		}
		if err == context.Canceled { //nolint:errorlint // the chain is walked here, link by link
			return true
		}
		err = errors.Unwrap(err)
	}
	return false
}
