package doctor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"millrace.dev/pkg/stream"
)

func TestStartup(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		id   string
	}{
		{"address in use", listenTwice(t), "MR-START-001"},
		{"address of another machine", listenElsewhere(t), "MR-START-001"},
		{"denied", stream.ErrDenied, "MR-START-002"},
		{"partitions", stream.ErrPartitions, "MR-START-003"},
		{"limits", stream.ErrLimits, "MR-START-004"},
		{"too old", stream.ErrTooOld, "MR-START-005"},
		{"a file where the folder should be", makeUnderFile(t), "MR-START-006"},
		{"locked", syscall.EWOULDBLOCK, "MR-START-006"},
		{"settings", fmt.Errorf("%w: %w", ErrSettings, errors.Join(errors.New("--a: 1"), errors.New("--b: 2"))), "MR-START-007"},
		{"durability", stream.ErrDurability, "MR-START-008"},
		{"a file that is not there", openMissing(t), ""},
		{"anything else", io.EOF, ""},
		{"nothing", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.err
			if err != nil {
				err = fmt.Errorf("starting: %w", err)
			}
			f, ok := Startup(err)
			if f.ID != c.id || ok != (c.id != "") {
				t.Fatalf("Startup(%v) = %q, %t, want %q", err, f.ID, ok, c.id)
			}
			if ok && (f.Status != Crit || f.Title == "" || f.Cause == "" || f.Remedy == "" || len(f.Evidence) == 0 || f.Link != linkTo(f.ID)) {
				t.Errorf("not complete: %+v", f)
			}
		})
	}
}

func TestStartupNamesEveryWrongSetting(t *testing.T) {
	f, _ := Startup(fmt.Errorf("%w: %w", ErrSettings, errors.Join(errors.New("--a: 1"), errors.New("--b: 2"))))
	if len(f.Evidence) != 2 || f.Evidence[0].Value != "--a: 1" || f.Evidence[1].Value != "--b: 2" {
		t.Errorf("evidence %v, want a fact for each of two settings", f.Evidence)
	}
}

func listenTwice(t *testing.T) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, err = net.Listen("tcp", l.Addr().String())
	return err
}

func listenElsewhere(t *testing.T) error {
	t.Helper()
	l, err := net.Listen("tcp", "192.0.2.1:0") // TEST-NET-1: nobody's
	if err == nil {
		l.Close()
		t.Fatal("this machine has an address of TEST-NET-1")
	}
	return err
}

func makeUnderFile(t *testing.T) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return os.MkdirAll(filepath.Join(file, "data"), 0o700)
}

func openMissing(t *testing.T) error {
	t.Helper()
	_, err := os.Open(filepath.Join(t.TempDir(), "missing"))
	return err
}
