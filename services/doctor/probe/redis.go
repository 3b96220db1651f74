package probe

import (
	"context"
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
	return doctor.Reached(doctor.Address(c.Redis.URL), time.Since(start), err)
}
