package stream

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// parseURL understands what go-redis does (redis, rediss, unix) and two schemes of our own for what it has no
// scheme for: redis-sentinel://[user:password@]host,host/master[?db=N] and redis-cluster://[user:password@]host,host.
func parseURL(raw string) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, errors.New("not a URL: redis://host:port is the usual form")
	}
	switch scheme {
	case "redis", "rediss", "unix":
		return single(raw)
	case "redis-sentinel", "redis-cluster":
		return several(scheme, rest)
	}
	return nil, fmt.Errorf("scheme %q is none of redis, rediss, unix, redis-sentinel, redis-cluster", scheme)
}

func single(raw string) (*redis.UniversalOptions, error) {
	o, err := redis.ParseURL(raw)
	if err != nil {
		return nil, redact(err, raw)
	}
	if o.Username+o.Password == "" && o.Network == "tcp" && hasUser(raw) {
		return nil, errUser
	}
	return &redis.UniversalOptions{
		Addrs: []string{o.Addr}, Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLSConfig,
	}, nil
}

// errUser says what is wrong without quoting any of it.
var errUser = errors.New("can't be read: user:password@host:port/number is expected, special characters of the password as %XX")

// hasUser says whether a URL means to have a user or a password. One that is written with special characters as they
// are may be read as having none: redis://:#secret@host is a URL, of another host.
func hasUser(raw string) bool {
	before, _, _ := strings.Cut(raw, "?")
	return strings.Contains(before, "@")
}

// redact keeps the password of a URL out of an error about it, which quotes the URL, or the piece at which it stopped
// to understand it.
func redact(err error, raw string) error {
	if strings.Contains(raw, "@") {
		return errUser
	}
	if wrong, ok := errors.AsType[*url.Error](err); ok {
		return wrong.Err
	}
	return err
}

func several(scheme, rest string) (*redis.UniversalOptions, error) {
	o := &redis.UniversalOptions{IsClusterMode: scheme == "redis-cluster"}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		u, err := url.Parse("redis://" + rest[:at] + "@x")
		if err != nil || u.User == nil {
			return nil, errors.New("user and password can't be read: escape special characters")
		}
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
		rest = rest[at+1:]
	}
	hosts, master, _ := strings.Cut(rest, "/")
	o.Addrs = strings.Split(hosts, ",")
	if slices.Contains(o.Addrs, "") {
		return nil, errors.New("a host is empty: host:port,host:port is expected")
	}
	if !o.IsClusterMode {
		if master == "" {
			return nil, errors.New("the master's name is missing: redis-sentinel://host,host/master")
		}
		o.MasterName = master
	}
	return o, nil
}

// quiet keeps go-redis from writing to standard error by itself: every error reaches whoever asked, who says it once.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

// Printf implements go-redis's logger.
func (silence) Printf(context.Context, string, ...any) {}

// connect makes a client. It never repeats a command by itself: a command whose connection broke may have
// been carried out, and go-redis would send it again without a word.
func connect(c Config, blocking bool) (redis.UniversalClient, error) {
	quiet()
	o, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	o.MaxRetries = -1
	o.DialerRetries = 1 // by default a dial is tried five times over half a second: who waits would not know why
	o.MaxRedirects = 3
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = c.Timeout, c.readWithin(), c.Timeout
	o.ContextTimeoutEnabled = true
	o.Protocol = 2
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.PoolSize, o.MinIdleConns = c.PoolMax, c.PoolMin
	if blocking { // one reader a partition: none waits for another's connection
		o.PoolSize, o.MinIdleConns = MaxPartitions, 0
	}
	return redis.NewUniversalClient(o), nil
}
