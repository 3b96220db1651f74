package lifecycle

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signals returns a context that ends at the first SIGINT or SIGTERM; context.Cause names it. By then the default
// handlers are back, so that a second signal kills the process at once (130 and 143 in a shell). The caller calls
// stop when it is done.
func Signals(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	signalled, release := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancelCause(parent)
	context.AfterFunc(signalled, func() {
		release() // before anybody can see that ctx has ended
		cancel(context.Cause(signalled))
	})
	return ctx, release
}
