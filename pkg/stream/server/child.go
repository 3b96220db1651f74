package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"millrace.dev/pkg/stream/server/process"
)

const (
	// grace is how long Redis may take to end. It only has its file to close; the parts of a process have 10 s.
	grace = 8 * time.Second
	// patience is how long a new server waits for the folder of one that is still ending.
	patience = 5 * time.Second
	// leastPause and mostPause bound the wait before Redis is started again; it doubles from one to the other.
	leastPause, mostPause = 100 * time.Millisecond, 5 * time.Second
	// healthy is how long Redis must have run for the next wait to be short again.
	healthy = time.Minute
)

// child is a Redis of its own process.
type child struct {
	program string
	dir     string // its files; absolute
	at      address
	log     *slog.Logger

	patience, grace time.Duration
}

// address is where the child listens: nobody else gets at either.
type address struct {
	socket   string // in the folder, which is its user's alone
	loopback string // host:port, with a password, where the folder's path is too long for a socket
	password string
}

// longestSocket is the longest path that a socket may have: the kernel's field has 108 bytes on Linux, 104 elsewhere.
const longestSocket = 100

func newChild(program, dataDir string, log *slog.Logger) (*Server, error) {
	if dataDir == "" {
		return nil, errors.New("no folder for Redis's files: choose one with --data-dir")
	}
	dir, err := filepath.Abs(filepath.Join(dataDir, "redis"))
	if err != nil {
		return nil, fmt.Errorf("the folder for Redis's files: %w", err)
	}
	at, err := addressIn(dir)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.Default()
	}
	return &Server{source: &child{program: program, dir: dir, at: at, log: log, patience: patience, grace: grace}}, nil
}

func addressIn(dir string) (address, error) {
	if socket := filepath.Join(dir, "redis.sock"); len(socket) <= longestSocket {
		return address{socket: socket}, nil
	}
	loopback, err := freePort()
	return address{loopback: loopback, password: rand.Text()}, err
}

func (c *child) url() string {
	if c.at.socket != "" {
		return (&url.URL{Scheme: "unix", Path: c.at.socket}).String()
	}
	return withPassword(c.at.loopback, c.at.password)
}

func (c *child) durable() bool { return true }

func (c *child) describe() string {
	return filepath.Base(c.program) + " as a child, its data in " + c.dir + ": a restart keeps everything"
}

// run starts Redis, and starts it again whenever it ends by itself. Only a first start that fails is an error: later
// the data is there, and whoever waits for Redis gets it back.
func (c *child) run(ctx context.Context, ready func()) error {
	answered := false
	ready = sync.OnceFunc(ready)
	pause := leastPause
	for {
		began := time.Now()
		err := c.live(ctx, func() { answered = true; ready() })
		if ctx.Err() != nil {
			return nil
		}
		if !answered {
			return err
		}
		if time.Since(began) > healthy {
			pause = leastPause
		}
		c.log.Warn("Redis ended by itself, starting it again", "error", err.Error(), "retry_in", pause.String())
		wait(ctx, pause)
		pause = min(2*pause, mostPause)
	}
}

// live is one life of the process: it returns when Redis has ended, and says why unless ctx did.
func (c *child) live(ctx context.Context, ready func()) error {
	out := &output{log: c.log, stopped: func() bool { return ctx.Err() != nil }}
	p, err := c.start(ctx, out)
	if err != nil {
		return err
	}
	defer c.stop(p)
	if err := c.await(ctx, p, out); err != nil {
		return err
	}
	c.log.Info("Redis answers", "program", c.program, "folder", c.dir, "pid", p.PID())
	ready()
	select {
	case <-p.Done():
		return ended(p, out)
	case <-ctx.Done():
		return nil
	}
}

// start makes the folder, takes it, and starts Redis on it. The settings go in on standard input, which shows the
// password to nobody.
func (c *child) start(ctx context.Context, out *output) (*process.Process, error) {
	if err := makePrivate(c.dir); err != nil {
		return nil, err
	}
	lock, err := take(ctx, c.dir, c.patience)
	if err != nil {
		return nil, err
	}
	defer lock.Close() // the child's copy is what holds the folder, as long as anything of it lives
	return process.Start(c.command(lock, out))
}

// stop ends Redis, if it still runs, and waits.
func (c *child) stop(p *process.Process) {
	if p.Signal(syscall.SIGTERM) != nil {
		return // it has ended
	}
	late := time.NewTimer(c.grace)
	defer late.Stop()
	select {
	case <-p.Done():
	case <-late.C:
		c.log.Warn("Redis did not stop in time, killed", "grace", c.grace.String())
		p.Kill()
	}
}

func ended(p *process.Process, out *output) error {
	return fmt.Errorf("Redis ended (%v): %s", exit(p.Err()), out.last())
}

func exit(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// makePrivate makes a folder that nobody else can look into.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder for Redis's files (--data-dir): %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("closing the folder for Redis's files to others: %w", err)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
