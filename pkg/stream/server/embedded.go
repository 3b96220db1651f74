package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// tick is how often the embedded server's TTLs run down: a lease of seconds can do with it. (miniredis can also count
// them down at each command, and then walks every key that has one at each command: too slow with many sessions.)
const tick = 50 * time.Millisecond

// embedded is a Redis inside this process, in memory.
type embedded struct {
	address  string
	password string
}

// Embedded returns a Redis inside this process, which keeps data in memory only. It listens on a loopback port with a
// random password, so that other users of the machine can't reach it.
func Embedded() (*Server, error) {
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	return &Server{source: &embedded{address: address, password: rand.Text()}}, nil
}

func (e *embedded) url() string { return withPassword(e.address, e.password) }

func (e *embedded) durable() bool { return false }

func (e *embedded) describe() string {
	return "embedded Redis, in memory only: a restart loses everything (install redis-server to keep it)"
}

func (e *embedded) run(ctx context.Context, ready func()) error {
	m := miniredis.NewMiniRedis()
	m.RequireAuth(e.password)
	if err := m.StartAddr(e.address); err != nil {
		return fmt.Errorf("starting the embedded Redis: %w", err)
	}
	defer m.Close()
	ready()
	age(ctx, m)
	return nil
}

// age lets TTLs run down by the time that passes, until ctx ends.
func age(ctx context.Context, m *miniredis.Miniredis) {
	t := time.NewTicker(tick)
	defer t.Stop()
	last := time.Now()
	for {
		select {
		case <-t.C:
			now := time.Now()
			m.FastForward(now.Sub(last))
			last = now
		case <-ctx.Done():
			return
		}
	}
}

// freePort returns a loopback address that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func withPassword(address, password string) string {
	return (&url.URL{Scheme: "redis", User: url.UserPassword("", password), Host: address}).String()
}
