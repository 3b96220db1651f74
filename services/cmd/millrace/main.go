// Command millrace is the whole pipeline in one process, and the operator's commands.
package main

import (
	"os"

	"millrace.dev/services/cli"
)

func main() {
	os.Exit(cli.Main(newCommands(os.Stdin, os.Stdout, os.Stderr), "millrace",
		"A real-time event pipeline: events in over WebSocket or HTTP, durable in Redis Streams, processed exactly once."))
}
