package produce

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

// Incarnation is made of the epochs of all partitions, so that one lost node of a Cluster shows. When a client
// sees it change, Redis has lost a partition, and with it what it knew of sessions: resends may be stored twice.
func Incarnation(ctx context.Context, s *stream.Stream) (string, error) {
	pipe := s.Redis().Pipeline()
	cmds := make([]*redis.StringCmd, s.Partitions())
	for p := range cmds {
		cmds[p] = pipe.Get(ctx, stream.KeysOf(p).Epoch())
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("reading the epochs: %w", err)
	}
	epochs := make([]string, len(cmds))
	for p, cmd := range cmds {
		epochs[p] = cmd.Val()
	}
	return incarnation(epochs), nil
}

func incarnation(epochs []string) string {
	sum := sha256.Sum256([]byte(strings.Join(epochs, "\n")))
	return hex.EncodeToString(sum[:8])
}
