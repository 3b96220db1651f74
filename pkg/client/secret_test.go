package client

import (
	"strings"
	"testing"
)

// Whoever reads the log must not be able to go on with the session.
func TestErrorsDoNotTellTheSession(t *testing.T) {
	c, err := New(Config{URL: "ws://127.0.0.1:1/ws"})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.dial(t.Context(), 1)
	if err == nil || strings.Contains(err.Error(), c.session) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens there: %v", err)
	}
}
