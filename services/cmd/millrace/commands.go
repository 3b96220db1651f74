package main

import (
	"io"

	"millrace.dev/services/cli"
)

// commands is the command line.
type commands struct {
	Up      up          `cmd:"" help:"Run the whole pipeline in one process."`
	Send    cli.Send    `cmd:"" help:"Send lines of files or of standard input as events, and wait until every one is durable."`
	Load    cli.Load    `cmd:"" help:"Send events from many clients at once, and compare what was acknowledged with what was processed."`
	Stats   cli.Stats   `cmd:"" help:"Print how the pipeline is doing."`
	Doctor  cli.Doctor  `cmd:"" help:"Say what is wrong, why, and what to do."`
	Pause   cli.Pause   `cmd:"" help:"Stop intake on all gateways."`
	Resume  cli.Resume  `cmd:"" help:"Let intake go on, on all gateways."`
	Limit   cli.Limit   `cmd:"" help:"Set limits on all gateways, or show what is in force."`
	Keys    cli.Keys    `cmd:"" help:"Make, list and revoke API keys."`
	Health  cli.Health  `cmd:"" help:"Ask a service whether it is well."`
	Version cli.Version `cmd:"" help:"Print what this binary is."`
}

func newCommands(in io.Reader, out, err io.Writer) *commands {
	var c commands
	c.Up.out = out
	c.Send.In, c.Send.Out, c.Send.Err = in, out, err
	c.Load.Out, c.Load.Err = out, err
	c.Doctor.Out = out
	c.Pause.Out, c.Resume.Out, c.Limit.Out = out, out, out
	c.Keys.Create.Out, c.Keys.Create.Err, c.Keys.Revoke.Out = out, err, out
	c.Keys.List.Out, c.Keys.List.Err = out, err
	c.Stats.Out, c.Health.Out, c.Version.Out = out, out, out
	return &c
}
