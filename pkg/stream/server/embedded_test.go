package server

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestEmbeddedKeysExpire(t *testing.T) {
	s, err := Embedded()
	must(t, err)
	begin(t, s)
	c := client(t, s)
	must(t, c.Set(t.Context(), "short", "v", 200*time.Millisecond).Err())
	must(t, c.Set(t.Context(), "long", "v", time.Hour).Err())
	if n := c.Exists(t.Context(), "short", "long").Val(); n != 2 {
		t.Errorf("%d keys at first, want 2", n)
	}
	began := time.Now()
	eventually(t, "the end of the short one", func() bool { return c.Exists(t.Context(), "short").Val() == 0 })
	if lived := time.Since(began); lived < 200*time.Millisecond-2*tick {
		t.Errorf("it lived for %v", lived)
	}
	if left := c.PTTL(t.Context(), "long").Val(); left > time.Hour-100*time.Millisecond || left < 59*time.Minute {
		t.Errorf("the long one has %v left", left)
	}
}

func TestEmbeddedAsksForItsPassword(t *testing.T) {
	s, err := Embedded()
	must(t, err)
	begin(t, s)
	u, err := url.Parse(s.URL())
	must(t, err)
	stranger := redis.NewClient(&redis.Options{Addr: u.Host, MaxRetries: -1})
	defer stranger.Close()
	if err := stranger.Get(t.Context(), "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("without the password: %v, want NOAUTH", err)
	}
	if u.Hostname() != "127.0.0.1" {
		t.Errorf("listens on %s", u.Hostname())
	}
}

func TestEmbeddedOnATakenPort(t *testing.T) {
	s, err := Embedded()
	must(t, err)
	begin(t, s)
	if err := s.Run(t.Context(), func() { t.Error("ready twice") }); err == nil {
		t.Error("a second server on the same port is no error")
	}
}
