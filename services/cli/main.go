package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"millrace.dev/pkg/lifecycle"
	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/render"
)

// Main parses the command line and the environment (MILLRACE_<FLAG>), runs the command that they name, and returns
// the exit code. It is all that a main does.
func Main(command any, name, description string) int {
	var read values
	parser, err := kong.New(command, append(read.options(), kong.Name(name), kong.Description(description),
		kong.DefaultEnvars("MILLRACE"), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return ExitUsage
	}
	chosen, err := parser.Parse(os.Args[1:])
	if err = read.join(err); err != nil {
		report(name, fmt.Errorf("%w: %w", doctor.ErrSettings, err))
		return ExitUsage
	}
	ctx, stop := lifecycle.Signals(context.Background())
	defer stop()
	chosen.BindTo(ctx, (*context.Context)(nil))
	err = chosen.Run()
	report(name, err)
	return CodeOf(err)
}

// report says what went wrong, unless all has been said: with cause and remedy where the doctor knows them.
func report(name string, err error) {
	var e Exit
	if err == nil || errors.As(err, &e) && e.Err == nil {
		return
	}
	if f, known := doctor.Startup(err); known {
		_ = render.Text(os.Stderr, []doctor.Finding{f})
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
}
