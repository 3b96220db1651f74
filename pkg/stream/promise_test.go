package stream_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

// openAsking opens the stream with a demand.
func openAsking(t *testing.T, url, durability string) (*stream.Stream, error) {
	t.Helper()
	c := config(url, &heard{records: make(chan struct{}, 1)})
	c.Durability = durability
	s, err := stream.Open(t.Context(), c)
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// A level that the server can't give stops the start, with what was asked, what there is, and why.
func TestOpenRefusesTooLittleDurability(t *testing.T) {
	servers := map[string]*streamtest.Server{
		"": streamtest.Redis(t), "embedded": streamtest.Embedded(t),
		"no":       streamtest.RedisWith(t, streamtest.Options{AppendFsync: "no"}),
		"everysec": streamtest.RedisWith(t, streamtest.Options{AppendFsync: "everysec"}),
		"always":   streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"}),
	}
	for _, c := range []struct {
		server, asked string
		says          []string // none: it is given
	}{
		{"", "auto", nil}, {"", "memory", nil}, {"embedded", "memory", nil}, {"no", "memory", nil},
		{"everysec", "stored", nil}, {"always", "fsynced", nil}, {"always", "memory", nil},
		{"", "stored", []string{"--durability=stored", "offers memory", "appendonly no"}},
		{"no", "stored", []string{"--durability=stored", "offers memory", "appendfsync no"}},
		{"embedded", "stored", []string{"--durability=stored", "offers memory"}},
		{"everysec", "fsynced", []string{"--durability=fsynced", "offers stored", "appendfsync everysec", "7.2"}},
		{"always", "replicated:1", []string{"--durability=replicated:1", "0 connected replicas"}},
		{"embedded", "replicated:1", []string{"--durability=replicated:1", "0 connected replicas"}},
	} {
		s, err := openAsking(t, servers[c.server].URL, c.asked)
		if len(c.says) == 0 {
			if err != nil {
				t.Errorf("%s of %q: %v", c.asked, c.server, err)
			} else if level := s.Promised().Level; c.asked != "auto" && level != c.asked {
				t.Errorf("%s of %q: %s is promised", c.asked, c.server, level)
			}
			continue
		}
		if !errors.Is(err, stream.ErrDurability) || stream.Transient(err) {
			t.Errorf("%s of %q: %v", c.asked, c.server, err)
			continue
		}
		for _, part := range c.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s of %q: %q does not say %q", c.asked, c.server, err, part)
			}
		}
	}
	if _, err := openAsking(t, servers[""].URL, "most"); err == nil || !strings.Contains(err.Error(), "most") {
		t.Errorf("a level that does not exist: %v", err)
	}
}

// The server's settings change under us.
func TestPromiseFollowsTheServer(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	asked, err := openAsking(t, srv.URL, "fsynced")
	if err != nil {
		t.Fatal(err)
	}
	auto, err := openAsking(t, srv.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ fsync, level string }{{"everysec", "stored"}, {"no", "memory"}, {"always", "fsynced"}} {
		if err := srv.Client(t).ConfigSet(t.Context(), "appendfsync", c.fsync).Err(); err != nil {
			t.Fatal(err)
		}
		p, err := asked.Look(t.Context())
		if err != nil || p.Level != c.level || p.Below != (c.level != "fsynced") || p != asked.Promised() {
			t.Errorf("appendfsync %s: %+v (%v)", c.fsync, p, err)
		}
		if p, err := auto.Look(t.Context()); err != nil || p.Level != c.level || p.Below {
			t.Errorf("appendfsync %s, nothing asked for: %+v (%v)", c.fsync, p, err)
		}
	}
	srv.Stop()
	if p, err := asked.Look(t.Context()); err == nil || p.Level != "fsynced" {
		t.Errorf("Redis is away: %+v (%v); the last promise stands", p, err)
	}
}

// From 7.2 Redis can be waited for. Nobody waits who did not ask for it.
func TestRedis72IsWaitedFor(t *testing.T) {
	var fsynced atomic.Bool
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "everysec"})
	cut := streamtest.NewRedis72(t, srv, fsynced.Load)
	s, err := openAsking(t, cut.URL, "fsynced")
	if err != nil || !s.Promised().Fsync {
		t.Fatalf("fsynced of a 7.2: %v", err)
	}
	for _, other := range []string{"auto", "stored"} {
		if s, err := openAsking(t, cut.URL, other); err != nil || s.Promised().Fsync {
			t.Errorf("%s of a 7.2: %v", other, err)
		}
	}
	memory := streamtest.NewRedis72(t, streamtest.Redis(t), fsynced.Load)
	if _, err := openAsking(t, memory.URL, "fsynced"); !errors.Is(err, stream.ErrDurability) {
		t.Errorf("a 7.2 without an append-only file: %v", err)
	}
}

// What Redis does not let us see is not claimed.
func TestForbiddenToAsk(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always", Port: streamtest.AnyPort})
	admin := srv.Client(t)
	url := strings.Replace(srv.URL, "redis://", "redis://app:pw@", 1)
	for _, c := range []struct{ forbidden, level string }{
		{"-config", "memory"}, {"-config -info", "memory"}, {"-info", "fsynced"},
	} {
		rule := append([]any{"ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", "+@all"}, words(c.forbidden)...)
		if err := admin.Do(t.Context(), rule...).Err(); err != nil {
			t.Fatal(err)
		}
		s, err := openAsking(t, url, "")
		if err != nil {
			t.Errorf("%s: %v", c.forbidden, err)
			continue
		}
		if p, err := s.Look(t.Context()); err != nil || p.Level != c.level {
			t.Errorf("%s: %+v (%v)", c.forbidden, p, err)
		}
		_, err = openAsking(t, url, "stored")
		if c.level == "memory" && (!errors.Is(err, stream.ErrDurability) || !strings.Contains(err.Error(), "CONFIG")) {
			t.Errorf("%s, stored asked for: %v", c.forbidden, err)
		}
		if _, err := openAsking(t, url, "replicated:1"); !errors.Is(err, stream.ErrDurability) {
			t.Errorf("%s, replicated asked for: %v", c.forbidden, err)
		}
	}
}

func words(text string) []any {
	var all []any
	for word := range strings.FieldsSeq(text) {
		all = append(all, word)
	}
	return all
}

func TestReplicasAreCounted(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{Port: streamtest.AnyPort})
	replica := streamtest.Replica(t, srv)
	s, err := openAsking(t, srv.URL, "replicated:1")
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Promised(); p.Level != "replicated:1" || p.Replicas != 1 || p.Fsync {
		t.Errorf("promised %+v", p)
	}
	if _, err := openAsking(t, srv.URL, "replicated:2"); !errors.Is(err, stream.ErrDurability) || !strings.Contains(err.Error(), "1 connected") {
		t.Errorf("two of one: %v", err)
	}
	replica.Stop()
	if p, err := s.Look(t.Context()); err != nil || !p.Below || p.Level != "memory" {
		t.Errorf("without its replica: %+v (%v)", p, err)
	}
}
