package probe

import (
	"context"
	"net/url"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/services/doctor"
)

// lookAtRedis is whether Redis answers and takes writes. Without a URL it has nothing to try.
func lookAtRedis(ctx context.Context, c Config) doctor.Probe {
	if c.Redis.URL == "" {
		return doctor.Probe{}
	}
	start := time.Now()
	err := stream.Probe(ctx, c.Redis)
	return doctor.Reached(address(c.Redis.URL), time.Since(start), err)
}

// address is a URL without user, password and query.
func address(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "REDIS_URL"
	}
	return u.Scheme + "://" + u.Host + u.Path
}
