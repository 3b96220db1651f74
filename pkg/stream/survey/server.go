package survey

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

// addServer adds what Redis says of itself, and what the gateways wrote. What it refuses stays unknown.
func (s *Survey) addServer(ctx context.Context, from *stream.Stream) error {
	begin := time.Now()
	if err := from.Redis().Ping(ctx).Err(); err != nil {
		return err
	}
	s.Redis.RoundTrip = time.Since(begin)

	pipe := from.Redis().Pipeline()
	counts := pipe.HGetAll(ctx, stream.CountsKey)
	info := make([]*redis.StringCmd, 0, 3)
	for _, section := range []string{"server", "memory", "clients"} {
		info = append(info, pipe.Info(ctx, section))
	}
	if _, err := pipe.Exec(ctx); err != nil && !stream.Refused(err) {
		return err
	}
	if err := counts.Err(); err != nil {
		return err
	}
	s.Rejected, s.Dropped = sumCounts(counts.Val())
	facts := map[string]string{}
	for _, section := range info {
		maps.Copy(facts, parseInfo(section.Val()))
	}
	s.Redis.read(facts)

	durability, err := from.Durability(ctx)
	s.Redis.Durability = durability
	return err
}

// sumCounts adds up what all gateways wrote, also those that are gone.
func sumCounts(counts map[string]string) (rejected, dropped uint64) {
	for field, text := range counts {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			continue
		}
		switch {
		case strings.HasSuffix(field, ":rejected"):
			rejected += n
		case strings.HasSuffix(field, ":dropped"):
			dropped += n
		}
	}
	return rejected, dropped
}

func parseInfo(text string) map[string]string {
	facts := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[name] = value
		}
	}
	return facts
}

func (r *Server) read(facts map[string]string) {
	r.Version = facts["redis_version"]
	r.MaxMemoryPolicy = facts["maxmemory_policy"]
	r.UsedMemory = figure(facts, "used_memory")
	r.MaxMemory = figure(facts, "maxmemory")
	r.Clients = figure(facts, "connected_clients")
}

func figure(facts map[string]string, name string) *uint64 {
	n, err := strconv.ParseUint(facts[name], 10, 64)
	if err != nil {
		return nil
	}
	return &n
}
