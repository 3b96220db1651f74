package streamtest

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Replica starts a replica of s, which listens on a port (AnyPort), and returns when it has caught up.
func Replica(t testing.TB, s *Server) *Server {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil || u.Port() == "" {
		t.Fatalf("streamtest: %s has no port to replicate from", s.URL)
	}
	// Without a disk in between, and at once: the defaults are for large data.
	if err := s.Client(t).ConfigSet(t.Context(), "repl-diskless-sync-delay", "0").Err(); err != nil {
		t.Fatal(err)
	}
	r := RedisWith(t, Options{Args: []string{"--replicaof", u.Hostname(), u.Port()}})
	s.AwaitReplicas(1)
	return r
}

// AwaitReplicas returns when so many replicas, at least, have caught up.
func (s *Server) AwaitReplicas(n int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	c := s.Client(s.t)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		text, err := c.Info(ctx, "replication").Result()
		if err == nil && strings.Count(text, "state=online") >= n {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			s.t.Fatalf("there are not %d replicas (%v):\n%s", n, err, text)
		}
	}
}
