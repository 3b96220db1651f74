// Command stats aggregates what all services report and what the stream's ledger says, and serves it over gRPC.
package main

import (
	"context"
	"os"

	"millrace.dev/services/cli"
	"millrace.dev/services/stats"
)

type command struct {
	stats.Config `embed:""`
}

// Validate is called by kong: all faults at once.
func (c command) Validate() error { return c.Check() }

// Run runs stats until it is told to stop.
func (c command) Run(ctx context.Context) error { return stats.Run(ctx, c.Config) }

func main() {
	os.Exit(cli.Main(&command{}, "stats", "Aggregates metrics and the stream's ledger, and serves them over gRPC."))
}
