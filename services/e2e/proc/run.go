package proc

import "testing"

// Run runs a command to its end and returns its exit code.
func Run(t testing.TB, name string, env []string, args ...string) (*Process, int) {
	t.Helper()
	p := Start(t, name, env, args...)
	return p, p.Wait()
}
