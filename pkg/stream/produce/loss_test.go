package produce

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"millrace.dev/pkg/stream/streamtest"
)

// Redis is killed and comes back with an older file: the same epoch, fewer events, and a ledger that balances. The
// appender saw more.
func TestLossIsNoticed(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	s := open(t, srv)
	a := NewAppender(s, "g", time.Hour)
	one := session(t, s, "one")
	store(t, a, 0, part(t, one, "one", 1, 2, 3))
	store(t, a, 1, part(t, one, "one", 4))
	older := filepath.Join(t.TempDir(), "older")
	file := filepath.Join(srv.Dir(), "appendonlydir")
	copied(t, older, file)
	store(t, a, 0, part(t, one, "one", 5, 6))
	store(t, a, 1, part(t, one, "one", 7, 8, 9, 10))
	srv.Kill()
	copied(t, file, older)
	srv.Start()

	store(t, a, 0, part(t, nil, "a", 1))
	if lost := a.Lost(); lost != 2 {
		t.Errorf("%d lost, want 2", lost)
	}
	store(t, a, 1, part(t, nil, "a", 2))
	store(t, a, 0, part(t, nil, "a", 3))
	if lost := a.Lost(); lost != 6 {
		t.Errorf("%d lost, want 2 and 4", lost)
	}
	if again := session(t, s, "one"); again.Incarnation() != one.Incarnation() {
		t.Error("the epoch is another one: this is no test of the memory")
	}
	if err := s.Redis().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	store(t, a, 0, part(t, nil, "a", 4))
	if lost := a.Lost(); lost != 6+5 {
		t.Errorf("%d lost, want 5 more after a flush", lost)
	}
}

// copied makes to a copy of the folder from.
func copied(t *testing.T, to, from string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
