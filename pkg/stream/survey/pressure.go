package survey

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

//go:embed pressure.lua
var pressureSource string

var pressureScript = redis.NewScript(pressureSource)

// Pressure is how far the stream is behind: what intake goes by. Gateways look for themselves, once a second, so that
// a stream in need is protected also while stats is away; it is a small part of a sweep.
type Pressure struct {
	// Lag is the age of the oldest event that some pipeline has not processed; 0 when there is none.
	Lag time.Duration
	// UsedMemory and MaxMemory of Redis in bytes; both 0 where Redis does not tell.
	UsedMemory, MaxMemory uint64
	// Assumed says that Redis has no maxmemory, and that MaxMemory is what is taken for one.
	Assumed bool
}

// Memory is how much of its memory Redis uses, in percent; 0 if that is not known.
func (p Pressure) Memory() float64 {
	if p.MaxMemory == 0 {
		return 0
	}
	return 100 * float64(p.UsedMemory) / float64(p.MaxMemory)
}

// Press reads the pressure. Nothing is written.
func Press(ctx context.Context, s *stream.Stream) (Pressure, error) {
	cmds, info, err := press(ctx, s)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		if err = pressureScript.Load(ctx, s.Redis()).Err(); err == nil {
			cmds, info, err = press(ctx, s)
		}
	}
	if err != nil {
		return Pressure{}, fmt.Errorf("looking how far the stream is behind: %w", stream.Classify(err))
	}
	var p Pressure
	for number, cmd := range cmds {
		age, err := strconv.ParseInt(cmd.Val().(string), 10, 64)
		if err != nil {
			return Pressure{}, fmt.Errorf("age of the oldest event of partition %d: %w", number, err)
		}
		p.Lag = max(p.Lag, time.Duration(age)*time.Millisecond)
	}
	p.memory(parseInfo(info))
	return p, nil
}

// press asks in one round trip. INFO may be forbidden, or not be there: then memory is not known.
func press(ctx context.Context, s *stream.Stream) ([]*redis.Cmd, string, error) {
	pipe := s.Redis().Pipeline()
	cmds := make([]*redis.Cmd, s.Partitions())
	for p := range cmds {
		k := stream.KeysOf(p)
		cmds[p] = pressureScript.EvalSha(ctx, pipe, []string{k.Events(), k.Groups()})
	}
	info := pipe.Info(ctx, "memory")
	_, _ = pipe.Exec(ctx) // each command has its own error
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return nil, "", err
		}
	}
	if err := info.Err(); err != nil && !stream.Refused(err) {
		return nil, "", err
	}
	return cmds, info.Val(), nil
}

// without is taken for maxmemory where neither that nor the machine's memory is known.
const without = 512 << 20

// memory reads INFO. Where Redis has no maxmemory, half of the memory that it reports counts as one: it must not be
// filled until the kernel ends it.
func (p *Pressure) memory(facts map[string]string) {
	used := figure(facts, "used_memory")
	if used == nil {
		return
	}
	p.UsedMemory, p.MaxMemory = *used, without
	if most := figure(facts, "maxmemory"); most != nil && *most > 0 {
		p.MaxMemory = *most
		return
	}
	p.Assumed = true
	if all := figure(facts, "total_system_memory"); all != nil && *all > 0 {
		p.MaxMemory = *all / 2
	}
}
