package faults

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"millrace.dev/pkg/stream/streamtest"
	"millrace.dev/services/e2e/stack"
)

// Start is a start that fails: a command, its arguments, and the exit code that it ends with.
type Start struct {
	Command string
	Args    []string
	Code    int
}

// Starts are all ways in which a start can fail, by the id of the finding.
func Starts() map[string]func(t testing.TB) Start {
	return map[string]func(t testing.TB) Start{
		"MR-START-001": addressInUse,
		"MR-START-002": wrongPassword,
		"MR-START-003": func(t testing.TB) Start { return disagreeing(t, "--partitions=3") },
		"MR-START-004": func(t testing.TB) Start { return disagreeing(t, "--max-depth=5") },
		"MR-START-005": redisOf2016,
		"MR-START-006": noFolder,
		"MR-START-007": func(testing.TB) Start { return Start{"worker", []string{"--lease=1ms"}, 64} },
		"MR-START-008": func(t testing.TB) Start { return gateway(streamtest.Redis(t).URL, "--durability=fsynced") },
	}
}

func gateway(url string, args ...string) Start {
	return Start{"gateway", append([]string{"--http-addr=127.0.0.1:0", "--redis-url=" + url}, args...), 1}
}

func addressInUse(t testing.TB) Start {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return Start{"gateway", []string{"--http-addr=" + l.Addr().String()}, 1}
}

// The server has a password and the gateway none.
func wrongPassword(t testing.TB) Start {
	s := streamtest.Redis(t)
	if err := s.Client(t).ConfigSet(t.Context(), "requirepass", "secret").Err(); err != nil {
		t.Fatal(err)
	}
	return gateway(s.URL)
}

// Another gateway was there first, with other settings.
func disagreeing(t testing.TB, flag string) Start {
	s := stack.New(t, streamtest.Options{})
	s.Gateway().AwaitReady()
	return gateway(s.Redis.URL, flag)
}

// A folder cannot be made where a file is.
func noFolder(t testing.TB) Start {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return Start{"millrace", []string{"up", "--http-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--data-dir=" + file}, 1}
}
