package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// progress keeps one line up to date on a terminal until ctx ends. Elsewhere it says nothing: the result is
// printed at the end.
func progress(ctx context.Context, out io.Writer, quiet bool, line func() string) error {
	if quiet || !isTerminal(out) {
		return nil
	}
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			fmt.Fprintf(out, "\r\x1b[K%s", line())
		case <-ctx.Done():
			fmt.Fprint(out, "\r\x1b[K")
			return nil
		}
	}
}

// isTerminal says whether a person may be looking.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
