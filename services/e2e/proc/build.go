// Package proc runs Millrace's binaries as processes of their own, so that tests can kill, stop and cut them.
package proc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Race builds the binaries with the race detector; benchmarks want them without.
type Race bool

var (
	buildMu sync.Mutex
	built   = map[Race]string{}
)

// Binaries builds all commands once a test process and returns the folder that they are in.
func Binaries(t testing.TB, race Race) string {
	t.Helper()
	buildMu.Lock()
	defer buildMu.Unlock()
	if built[race] == "" {
		dir, err := build(race)
		if err != nil {
			t.Fatal(err)
		}
		built[race] = dir
	}
	return built[race]
}

// build puts them where the next run finds them too: Go relinks only what has changed.
func build(race Race) (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("millrace-e2e-%d-%v", os.Getuid(), race))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	args := []string{"build", "-buildvcs=false", "-o", dir + string(filepath.Separator)}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "millrace.dev/services/cmd/...")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the binaries: %w\n%s", err, out)
	}
	return dir, nil
}
