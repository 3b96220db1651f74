package streamtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Options is how a real Redis runs. The zero Options: in memory only, on a unix socket.
type Options struct {
	// AppendFsync is always, everysec or no: an append-only file under that policy. Empty: no such file, so that
	// nothing survives the process.
	AppendFsync string
	// MaxMemory in bytes; 0: no limit. A full server refuses writes (noeviction).
	MaxMemory int64
	// Dir holds its files; it must exist. Empty: a folder that goes with the test.
	Dir string
	// Port on loopback, for what can't use a unix socket. 0: a unix socket; AnyPort: one that is free.
	Port int
	// Args are more of redis-server's own arguments.
	Args []string
}

// AnyPort asks for a free port.
const AnyPort = -1

// Redis starts a real Redis in memory.
func Redis(t testing.TB) *Server {
	t.Helper()
	return RedisWith(t, Options{})
}

// RedisWith starts a real Redis, redis-server or valkey-server, and returns when it answers. It ends with the test, or
// with the test's process, however that ends. A machine without Redis fails the test.
func RedisWith(t testing.TB, o Options) *Server {
	t.Helper()
	c, err := newChild(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.remove)
	s := &Server{URL: c.url, Can: redisCan, t: t, child: c}
	s.Start()
	return s
}

// newChild decides on files and address.
func newChild(o Options) (*child, error) {
	program, err := findProgram()
	if err != nil {
		return nil, err
	}
	c := &child{program: program, dir: o.Dir}
	if c.dir == "" {
		// Not t.TempDir: a socket's path has 107 bytes at most, and that one's holds the test's name.
		if c.dir, err = os.MkdirTemp("", "redis"); err != nil {
			return nil, err
		}
		c.own = true
	}
	if err := c.listen(o.Port); err != nil {
		return nil, err
	}
	c.args = append(c.args, arguments(o, c.dir)...)
	return c, nil
}

// listen chooses the address, which stays the same over restarts.
func (c *child) listen(port int) error {
	if port == 0 {
		socket := filepath.Join(c.dir, "redis.sock")
		c.url = "unix://" + socket
		c.args = []string{"--port", "0", "--unixsocket", socket}
		return nil
	}
	if port == AnyPort {
		free, err := freePort()
		if err != nil {
			return err
		}
		port = free
	}
	c.url = fmt.Sprintf("redis://127.0.0.1:%d", port)
	c.args = []string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1"}
	return nil
}

func arguments(o Options, dir string) []string {
	args := []string{"--dir", dir, "--save", "", "--daemonize", "no"}
	if o.AppendFsync != "" {
		args = append(args, "--appendonly", "yes", "--appendfsync", o.AppendFsync)
	}
	if o.MaxMemory > 0 {
		args = append(args, "--maxmemory", strconv.FormatInt(o.MaxMemory, 10), "--maxmemory-policy", "noeviction")
	}
	return append(args, o.Args...)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

var errNoRedis = errors.New("neither redis-server nor valkey-server is installed: apt-get install redis-server")
