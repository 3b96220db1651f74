package produce

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

// loseReplies is a hook that lets the next n pipelines run and loses what they answer.
type loseReplies struct{ n int }

func (l *loseReplies) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (l *loseReplies) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (l *loseReplies) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if l.n == 0 || anyUnknown(cmds) { // a script that has to be loaded first has not run
			return err
		}
		l.n--
		lost := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by the test")}
		for _, cmd := range cmds {
			cmd.SetErr(lost)
		}
		return lost
	}
}

func testLostReply(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	one, two := session(t, s, "one"), session(t, s, "two")
	a := NewAppender(s, "g", time.Hour)
	var heard []error
	a.Trouble = func(err error) { heard = append(heard, err) }
	store(t, a, 0, part(t, two, "two", 1, 2))
	s.Redis().AddHook(&loseReplies{n: 2})
	got := store(t, a, 0, part(t, nil, "a", 1, 2), part(t, one, "one", 1, 2, 3), part(t, two, "two", 3))
	if got.Accepted != 6 || got.Duplicates != 0 {
		t.Errorf("stored %+v; what a lost reply hid is not a duplicate", got)
	}
	if have := ids(t, s, 0); len(have) != 8 {
		t.Errorf("stored %v", have)
	}
	if d := book(t, s, 0, "duplicates"); d != "" {
		t.Errorf("duplicates is %q", d)
	}
	if len(heard) != 3 || heard[0] == nil || heard[1] == nil || heard[2] != nil {
		t.Errorf("heard of trouble: %v", heard)
	}
}

// A full Redis takes no events, and takes them again when there is room; meanwhile it says what it is.
func TestFullRedis(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{MaxMemory: 8 << 20})
	s := open(t, srv)
	a := NewAppender(s, "g", time.Hour)
	store(t, a, 0, part(t, nil, "a", 1))
	fill(t, s)
	full := make(chan error, 100)
	a.Trouble = func(err error) { full <- err }
	stored := make(chan Stored, 1)
	go func() { stored <- store(t, a, 0, part(t, nil, "a", 2)) }()
	select {
	case err := <-full:
		if !errors.Is(err, stream.ErrFull) {
			t.Errorf("trouble is %v", err)
		}
	case got := <-stored:
		t.Fatalf("a full Redis stored %+v", got)
	}
	if err := s.Ready(t.Context()); err == nil {
		t.Error("a full Redis is ready")
	}
	// What has to go on, goes on.
	if err := WriteCounts(t.Context(), s, "g", 1, 1); err != nil {
		t.Errorf("counts: %v", err)
	}
	if err := s.Prepare(t.Context(), 1); err != nil {
		t.Errorf("preparing: %v", err)
	}
	if err := s.Redis().Del(t.Context(), "filler").Err(); err != nil {
		t.Fatal(err)
	}
	if got := <-stored; got.Accepted != 1 {
		t.Errorf("stored %+v after there was room", got)
	}
}

// fill makes Redis refuse even the smallest write: its own buffers count too, so the last pieces are small.
func fill(t *testing.T, s *stream.Stream) {
	t.Helper()
	for _, size := range []int{1 << 20, 64 << 10, 1 << 10, 1} {
		for refused := 0; refused < 20; {
			err := s.Redis().RPush(t.Context(), "filler", strings.Repeat("x", size)).Err()
			switch {
			case errors.Is(stream.Classify(err), stream.ErrFull):
				refused++
			case err != nil:
				t.Fatal(err)
			}
		}
	}
}

// Redis dies under an append and comes back with its files: the append goes on, and nothing is stored twice.
func TestRedisRestarts(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	s := open(t, srv)
	a := NewAppender(s, "g", time.Hour)
	one := session(t, s, "one")
	store(t, a, 0, part(t, one, "one", 1, 2))
	srv.Kill()
	down := make(chan error, 100)
	a.Trouble = func(err error) { down <- err }
	stored := make(chan Stored, 1)
	go func() { stored <- store(t, a, 0, part(t, one, "one", 2, 3)) }()
	if err := <-down; err == nil {
		t.Error("no trouble is heard of")
	}
	srv.Start()
	if got := <-stored; got.Accepted+got.Duplicates != 2 {
		t.Errorf("stored %+v of 2", got)
	}
	if have := ids(t, s, 0); len(have) != 3 {
		t.Errorf("stored %v", have)
	}
}
