// Command worker takes events from the stream through the pipelines.
package main

import (
	"context"
	"os"

	"millrace.dev/services/cli"
	"millrace.dev/services/worker"
)

type command struct {
	worker.Config `embed:""`
}

// Validate is called by kong: all faults at once.
func (c command) Validate() error { return c.Check() }

// Run runs the worker until it is told to stop.
func (c command) Run(ctx context.Context) error { return worker.Run(ctx, c.Config) }

func main() {
	os.Exit(cli.Main(&command{}, "worker", "Takes events from the stream through the pipelines, each exactly once."))
}
