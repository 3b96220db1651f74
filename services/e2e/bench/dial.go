package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"millrace.dev/services/e2e/socket"
)

// kind is what a connection is to the gateway.
type kind string

const (
	anonymous kind = "anonymous"
	named     kind = "named"
)

// dial opens a connection of a kind; a named one begins a session of its own.
func (p *pipeline) dial(ctx context.Context, k kind) (*socket.Socket, error) {
	query := ""
	if k == named {
		query = "?next=1&session=" + rand.Text()
	}
	return socket.Dial(ctx, p.http, query, nil)
}

// ackOf reads the number of an ack; 0 is a message that says nothing of events. Any other is an error.
func ackOf(m string) (uint64, error) {
	if n, ok := socket.Acked(m); ok {
		return n, nil
	}
	for _, kind := range []string{"ping", "slow", "go"} { // a full buffer holds sessions back, and says so
		if strings.HasPrefix(m, `{"type":"`+kind+`"`) {
			return 0, nil
		}
	}
	return 0, fmt.Errorf("the gateway says %s", m)
}
