//go:build compose

package compose_test

import (
	"strings"
	"testing"
)

// checkCommands calls the operator's commands as one would type them, in a container of their own. The stack stays as it
// was scaled.
func checkCommands(t *testing.T, s stack) {
	t.Helper()
	before := s.compose(t, "ps", "--quiet")
	for _, c := range []struct {
		command, stdin string
		want           string
	}{
		{command: "doctor", want: "nothing found"},
		{command: "stats", want: "processed"},
		{command: "send --type line", stdin: "one\ntwo\nthree\n", want: "accepted 3"},
		{command: "load --clients 4 --rate 200 --duration 2", want: "acked"},
	} {
		args := append([]string{"run", "--rm", "--no-TTY", "millrace"}, strings.Fields(c.command)...)
		command := s.command(t.Context(), args...)
		command.Stdin = strings.NewReader(c.stdin)
		if out := run(t, command); !strings.Contains(out, c.want) {
			t.Errorf("millrace %s does not say %q:\n%s", c.command, c.want, out)
		}
	}
	if after := s.compose(t, "ps", "--quiet"); after != before {
		t.Errorf("the commands changed the stack: these containers ran before\n%sand these after\n%s", before, after)
	}
}
