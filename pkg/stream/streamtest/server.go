package streamtest

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"millrace.dev/pkg/stream/server"
)

// Server is a Redis of one test, empty at first, gone with the test.
type Server struct {
	// URL is how to reach it, for stream.Config and for redis.ParseURL.
	URL string
	// Can is what this kind of server does.
	Can Abilities

	t     testing.TB
	child *child // nil: embedded
}

// Embedded starts the in-memory server that `millrace up` uses where no Redis is installed.
func Embedded(t testing.TB) *Server {
	t.Helper()
	embedded, err := server.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- embedded.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &Server{URL: embedded.URL(), Can: embeddedCan, t: t}
}

// Client connects to the server, as stream.Open does: it repeats nothing by itself. It is closed with the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	c, err := dial(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func dial(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.Protocol = 2
	o.DisableIdentity = true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = 5*time.Second, 5*time.Second, 5*time.Second
	o.ContextTimeoutEnabled = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(o), nil
}
