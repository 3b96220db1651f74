package consume

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"

	"github.com/redis/go-redis/v9"
)

// faults is a go-redis hook that breaks connections under pipelines: Redis has carried out a prefix of the commands,
// the caller has seen the replies of a shorter one, and the rest is lost, or arrives when everybody has moved on.
type faults struct {
	rand *rand.Rand
	// bare is a connection of its own that nothing happens to.
	bare redis.UniversalClient
	// odds of a fault, out of 100.
	odds int
	// late holds commands that are still on their way.
	late []func()
	// broken, if set, is called after each fault.
	broken func()
}

var errBroken = errors.New("connection reset by the test")

func (f *faults) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (f *faults) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (f *faults) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if f.rand.IntN(100) >= f.odds {
			return next(ctx, cmds)
		}
		f.breakOff(cmds)
		if f.broken != nil {
			f.broken()
		}
		return errBroken
	}
}

// breakOff breaks the connection somewhere in a pipeline.
func (f *faults) breakOff(cmds []redis.Cmder) {
	seen := f.rand.IntN(len(cmds) + 1)
	done := seen + f.rand.IntN(len(cmds)-seen+1)
	late := f.rand.IntN(2) == 0
	for i, cmd := range cmds {
		args := cmd.Args()
		switch {
		case i < done:
			reply := f.bare.Do(context.Background(), args...)
			if c, ok := cmd.(*redis.Cmd); ok && i < seen {
				c.SetVal(reply.Val())
				c.SetErr(reply.Err())
				continue
			}
		case late:
			f.late = append(f.late, func() { f.bare.Do(context.Background(), args...) })
		}
		cmd.SetErr(&net.OpError{Op: "read", Net: "tcp", Err: errBroken})
	}
}

// pause ends the faults until what it returns is called.
func (f *faults) pause() (resume func()) {
	odds := f.odds
	f.odds = 0
	return func() { f.odds = odds }
}

// arrive lets a command through that was on its way.
func (f *faults) arrive() {
	if n := len(f.late); n > 0 {
		i := f.rand.IntN(n)
		f.late[i]()
		f.late = append(f.late[:i], f.late[i+1:]...)
	}
}

// arriveAll lets all through.
func (f *faults) arriveAll() {
	for len(f.late) > 0 {
		f.arrive()
	}
}
