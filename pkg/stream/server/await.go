package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"millrace.dev/pkg/stream/server/process"
)

// await returns when the child answers. Reading a large file at its start takes Redis as long as it takes.
func (c *child) await(ctx context.Context, p *process.Process, out *output) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	loading := false
	for {
		reply, err := c.ping(ctx)
		if err == nil && reply == "+PONG" {
			return nil
		}
		if !loading && strings.HasPrefix(reply, "-LOADING") {
			loading = true
			c.log.Info("Redis is reading its files", "folder", c.dir)
		}
		select {
		case <-p.Done():
			return ended(p, out)
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
}

// ping asks once, on a connection of its own, and returns the line that comes back.
func (c *child) ping(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := c.at.dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	r := bufio.NewReader(conn)
	if c.at.password != "" {
		if reply, err := ask(conn, r, "AUTH "+c.at.password); err != nil || reply != "+OK" {
			return reply, errors.Join(err, errors.New("the password is refused"))
		}
	}
	return ask(conn, r, "PING")
}

func (a address) dial(ctx context.Context) (net.Conn, error) {
	if a.socket != "" {
		return new(net.Dialer).DialContext(ctx, "unix", a.socket)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", a.loopback)
}

func ask(conn net.Conn, r *bufio.Reader, command string) (string, error) {
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	line, err := r.ReadString('\n')
	return strings.TrimSpace(line), err
}
