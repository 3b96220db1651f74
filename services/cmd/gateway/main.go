// Command gateway takes events from clients and brings them into the stream.
package main

import (
	"context"
	"os"

	"millrace.dev/services/cli"
	"millrace.dev/services/gateway"
)

type command struct {
	gateway.Config `embed:""`
}

// Validate is called by kong: all faults at once.
func (c command) Validate() error { return c.Check() }

// Run runs the gateway until it is told to stop.
func (c command) Run(ctx context.Context) error { return gateway.Run(ctx, c.Config) }

func main() {
	os.Exit(cli.Main(&command{}, "gateway", "Takes events over WebSocket and HTTP and acknowledges them once they are durable."))
}
