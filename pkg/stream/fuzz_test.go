package stream

import (
	"strings"
	"testing"
)

// A URL that is understood names a server.
func FuzzParseURL(f *testing.F) {
	for _, url := range []string{
		"redis://localhost:6380/3", "rediss://user:secret@host:1", "unix:///run/redis.sock?db=2", "redis-sentinel://a:1,b:2/main",
		"redis-sentinel://user:p%40ss@a:1/main", "redis-cluster://:secret@a:1", "redis-cluster://a,,b", "redis://:x@y/z@host",
		"redis://host:port", "redis-cluster://u:%zz@a", "redis://h?read_timeout=secret", "redis://[::1]:6379", "redis://%zz", "://",
	} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		if o, err := parseURL(url); err == nil && (len(o.Addrs) == 0 || o.Addrs[0] == "") {
			t.Fatalf("%q is no address: %+v", url, o)
		}
	})
}

// A password is used, or its URL is refused without it, however it is written.
func FuzzParseURLKeepsSecrets(f *testing.F) {
	for _, parts := range [][3]string{{"redis", "", "host:port"}, {"rediss", "/", "h"}, {"redis-cluster", "%", "a,,b"}, {"redis-sentinel", "@", "a"}, {"redis", "#", "h"}, {"redis-cluster", "/", "a"}, {"unix", "?", "/s"}} {
		f.Add(parts[0], parts[1], parts[2])
	}
	f.Fuzz(func(t *testing.T, scheme, odd, host string) {
		const secret = "correcthorsebattery"
		o, err := parseURL(scheme + "://user:" + odd + secret + odd + "@" + host)
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Fatalf("%q %q %q: %v", scheme, odd, host, err)
		}
		if err == nil && scheme != "unix" && !strings.ContainsAny(odd+host, "?") && !strings.Contains(o.Password, secret) {
			t.Fatalf("%q %q %q is read as %+v", scheme, odd, host, o)
		}
	})
}
