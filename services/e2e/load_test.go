package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"millrace.dev/services/e2e/stack"
)

// The guide's load test, shortened: what was acknowledged is accepted and processed.
func TestLoadCommand(t *testing.T) {
	s, gateway, _ := stack.Whole(t)
	before := 0
	for _, flags := range []string{
		"--clients=100 --rate=2000 --duration=5",
		"--clients=20 --rate=0 --frame=100 --duration=2",
	} {
		command, code := s.Command(append([]string{"load", "--url=" + gateway.WebSocket()}, strings.Fields(flags)...)...)
		if code != 0 {
			t.Fatalf("%s: exit code %d:\n%s", flags, code, command.Log())
		}
		acked := figure(t, command.Output(), "acked ")
		accepted, processed := figure(t, command.Output(), "accepted "), figure(t, command.Output(), "processed ")
		if acked == 0 || accepted != acked || processed != acked || !strings.Contains(command.Output(), "p99.9 ") {
			t.Errorf("%s:\n%s", flags, command.Output())
		}
		s.AwaitProcessed(before + acked)
		if stored := len(s.Stored().Each()); stored != before+acked {
			t.Errorf("%s: %d were acknowledged, %d are stored", flags, acked, stored-before)
		}
		before += acked
	}
	if before < 9_000 {
		t.Errorf("only %d events in all", before)
	}
}

// Where nobody processes, the load test fails and says what is missing.
func TestLoadCommandFailsIfEventsAreMissing(t *testing.T) {
	s := stack.New(t, stack.Durable())
	s.Stats()
	gateway, worker := s.Gateway(), s.Worker()
	gateway.AwaitReady()
	sender := s.Sender("first", gateway.WebSocket()) // so that there is a pipeline
	if err := sender.Send(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	sender.Flush(t.Context())
	s.AwaitProcessed(1)
	worker.Stop()
	command, code := s.Command("load", "--url="+gateway.WebSocket(), "--clients=3", "--rate=100", "--duration=1", "--patience=3s")
	acked := figure(t, command.Output(), "acked ")
	if want := fmt.Sprintf("missing: %d acknowledged, %d accepted, 0 processed", acked, acked); code != 1 || acked == 0 || !strings.Contains(command.Log(), want) {
		t.Errorf("exit code %d, want 1 and %q:\n%s", code, want, command.Log())
	}
}

// figure is the number after a word.
func figure(t *testing.T, text, word string) int {
	t.Helper()
	_, rest, ok := strings.Cut(text, word)
	if !ok {
		t.Fatalf("no %q in:\n%s", word, text)
	}
	n, err := strconv.Atoi(strings.FieldsFunc(rest, func(c rune) bool { return c < '0' || c > '9' })[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
