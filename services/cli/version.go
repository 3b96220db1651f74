package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"millrace.dev/pkg/telemetry"
)

// Version prints what this binary is.
type Version struct {
	Out io.Writer `kong:"-"`
}

// Run prints it.
func (v Version) Run(context.Context) error {
	fmt.Fprintf(v.Out, "millrace %s  %s %s/%s\n", telemetry.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
