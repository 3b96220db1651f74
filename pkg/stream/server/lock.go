package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse means that another process keeps its data in the same folder.
var ErrInUse = errors.New("the data folder is in use")

// take locks the folder, and waits a while for a server that is still ending. The lock belongs to the open file, not to
// a process: it lasts until the last copy is closed, so that whoever inherits the file holds it.
func take(ctx context.Context, dir string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking Redis's files: %w", err)
	}
	if err := tryUntil(ctx, f, time.Now().Add(patience)); err != nil {
		_ = f.Close()
		return nil, lockFault(err, dir)
	}
	return f, nil
}

func tryUntil(ctx context.Context, f *os.File, deadline time.Time) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) || time.Now().After(deadline) {
			return err
		}
		if wait(ctx, 50*time.Millisecond); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func lockFault(err error, dir string) error {
	if errors.Is(err, syscall.EWOULDBLOCK) { // kept in the error: by it those know it who can't import this package
		return fmt.Errorf("%w: another millrace runs a Redis on %s; stop it, or choose another folder with --data-dir (%w)", ErrInUse, dir, err)
	}
	return fmt.Errorf("locking Redis's files in %s: %w", dir, err)
}
