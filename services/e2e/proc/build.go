// Package proc runs Millrace's binaries as processes of their own, so that tests can kill, stop and pause them. They
// are built with the race detector: a test whose processes raced fails.
package proc

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// builds holds, for each command, the one build of this test process: all of a test's processes are of one state of
// the sources, and nobody asks the go command again.
var builds sync.Map // name -> func() (path string, err error)

// Binary builds a command, if it changed since the last run of tests, and returns its path.
func Binary(t testing.TB, name string) string {
	t.Helper()
	once, _ := builds.LoadOrStore(name, sync.OnceValues(func() (string, error) { return build(name) }))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// build puts the binary where the next test finds it too: Go relinks only what has changed.
func build(name string) (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-race", "-buildvcs=false", "-o", path, "millrace.dev/services/cmd/"+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// folder is one for each package of tests in each working tree: what runs at the same time builds for itself.
func folder() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(here))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("millrace-e2e-%d-%x", os.Getuid(), sum[:4]))
	return dir, os.MkdirAll(dir, 0o700)
}
