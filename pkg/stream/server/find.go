package server

import (
	"errors"
	"log/slog"
	"os/exec"
	"path/filepath"
)

// Find chooses the server: the one at url; without a url a redis-server or valkey-server on PATH, whose files are kept
// in the folder redis under dataDir; without such a program the embedded one. Nothing is started, no folder made.
// Nil for log is slog's default.
func Find(url, dataDir string, log *slog.Logger) (*Server, error) {
	if url != "" {
		return &Server{source: given(url)}, nil
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if program, err := exec.LookPath(name); err == nil {
			return newChild(program, dataDir, log)
		}
	}
	return Embedded()
}

// DefaultDir is the user's folder for Millrace's data, as the XDG base directory specification says. getenv is usually
// os.Getenv.
func DefaultDir(getenv func(string) string) (string, error) {
	if data := getenv("XDG_DATA_HOME"); filepath.IsAbs(data) { // a relative one is to be ignored
		return filepath.Join(data, "millrace"), nil
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "millrace"), nil
	}
	return "", errors.New("no folder for the data: neither HOME nor XDG_DATA_HOME is set; choose one with --data-dir")
}
