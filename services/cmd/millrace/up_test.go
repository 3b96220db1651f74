package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace.dev/services/cli"
	"millrace.dev/services/doctor"
)

// homeless is an environment without a home, as of a bare container, and with these programs.
func homeless(t *testing.T, programs ...string) {
	t.Helper()
	path := t.TempDir()
	for _, name := range programs {
		if err := os.WriteFile(filepath.Join(path, name), []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("PATH", path)
}

func TestNoHomeIsNeededInMemory(t *testing.T) {
	homeless(t)
	redis, err := new(up).findRedis()
	if err != nil || !strings.Contains(redis.Describe(), "in memory") {
		t.Errorf("without a home and a redis-server: %v", err)
	}
}

func TestNoHomeForFiles(t *testing.T) {
	homeless(t, "redis-server")
	_, err := new(up).findRedis()
	f, known := doctor.Startup(err)
	if !known || cli.CodeOf(err) != cli.ExitUsage || !strings.Contains(f.Evidence[0].Value, "--data-dir") {
		t.Errorf("without a home: %v, finding %+v", err, f)
	}
	if redis, err := (&up{DataDir: t.TempDir()}).findRedis(); err != nil || !strings.Contains(redis.Describe(), "redis-server") {
		t.Errorf("with a folder: %v", err)
	}
}
