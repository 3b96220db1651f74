package stream

import (
	"slices"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	tests := []struct {
		url      string
		addrs    []string
		user     string
		password string
		db       int
		master   string
		cluster  bool
	}{
		{url: "redis://localhost:6380/3", addrs: []string{"localhost:6380"}, db: 3},
		{url: "redis://:secret@host", addrs: []string{"host:6379"}, password: "secret"},
		{url: "rediss://user:secret@host:1", addrs: []string{"host:1"}, user: "user", password: "secret"},
		{url: "unix:///run/redis.sock?db=2", addrs: []string{"/run/redis.sock"}, db: 2},
		{url: "redis-sentinel://a:1,b:2/main", addrs: []string{"a:1", "b:2"}, master: "main"},
		{url: "redis-sentinel://user:p%40ss@a:1/main", addrs: []string{"a:1"}, user: "user", password: "p@ss", master: "main"},
		{url: "redis-cluster://a:1,b:2", addrs: []string{"a:1", "b:2"}, cluster: true},
		{url: "redis-cluster://:secret@a:1", addrs: []string{"a:1"}, password: "secret", cluster: true},
	}
	for _, want := range tests {
		o, err := parseURL(want.url)
		if err != nil {
			t.Errorf("%s: %v", want.url, err)
			continue
		}
		if !slices.Equal(o.Addrs, want.addrs) || o.Username != want.user || o.Password != want.password ||
			o.DB != want.db || o.MasterName != want.master || o.IsClusterMode != want.cluster {
			t.Errorf("%s becomes %+v", want.url, o)
		}
		if tls := strings.HasPrefix(want.url, "rediss"); (o.TLSConfig != nil) != tls {
			t.Errorf("%s: TLS is %v", want.url, o.TLSConfig != nil)
		}
	}
}

// What can't be used is refused with a reason that holds no password.
func TestParseURLRefuses(t *testing.T) {
	for url, part := range map[string]string{
		"localhost:6379":                "not a URL",
		"http://localhost":              "none of",
		"redis-sentinel://a:1":          "master",
		"redis-sentinel://:hunter2@,/m": "empty",
		"redis-cluster://a,,b":          "empty",
		"redis://:hunter2@host:port":    "",
		"redis://:hunter2@host/nodb":    "",
		"redis-cluster://u:hun%ter2@a":  "escape",
		"redis://:x@y/hunter2@host":     "%XX",
		"redis://:hunter2/x@host":       "%XX",
		"redis://host:port":             "port",
	} {
		_, err := parseURL(url)
		if err == nil {
			t.Errorf("%s is taken", url)
			continue
		}
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %q does not say %q", url, err, part)
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "hun%ter2") {
			t.Errorf("the password is in %q", err)
		}
	}
}

func TestConfigSaysAllFaultsAtOnce(t *testing.T) {
	err := Config{URL: "ftp://x", PoolMin: -1, PoolMax: 0, Timeout: 1, Partitions: 1000}.Check()
	for _, flag := range []string{"--redis-url", "--redis-pool-min", "--redis-pool-max", "--redis-timeout", "--partitions"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not in %v", flag, err)
		}
	}
}
