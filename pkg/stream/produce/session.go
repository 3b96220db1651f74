package produce

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

// MaxNumber is the highest number that an event can have: Lua counts in doubles.
const MaxNumber = 1<<53 - 1

//go:embed marks.lua
var marksSource string

var marksScript = redis.NewScript(marksSource)

// Session is what Redis remembers of a named producer: the highest number stored, in each partition.
type Session struct {
	stream      *stream.Stream
	id          string
	remember    time.Duration
	resumed     bool
	last        uint64
	marks       []uint64
	incarnation string
}

// Open reads the marks of a session in every partition and keeps them for another life. A session belongs to
// its credential: the same name under another one is another session.
func Open(ctx context.Context, s *stream.Stream, credential, name string, remember time.Duration) (*Session, error) {
	sum := sha256.Sum256([]byte(credential + "\x00" + name))
	session := &Session{
		stream: s, id: hex.EncodeToString(sum[:16]), remember: remember,
		marks: make([]uint64, s.Partitions()),
	}
	return session, session.Refresh(ctx)
}

// Refresh reads the marks again and keeps them for another life. Connections that stay open call it hourly.
func (s *Session) Refresh(ctx context.Context) error {
	cmds := make([]*redis.Cmd, len(s.marks))
	err := pipelined(ctx, s.stream.Redis(), marksScript, func(pipe redis.Pipeliner) {
		for p := range s.marks {
			k := stream.KeysOf(p)
			cmds[p] = marksScript.EvalSha(ctx, pipe, []string{k.Mark(s.id), k.Epoch()}, millis(s.remember))
		}
	})
	if err != nil {
		return fmt.Errorf("reading the marks of a session: %w", err)
	}
	return s.learn(cmds)
}

func (s *Session) learn(cmds []*redis.Cmd) error {
	epochs := make([]string, len(cmds))
	for p, cmd := range cmds {
		reply, err := cmd.StringSlice()
		if err != nil || len(reply) != 2 {
			return errors.Join(fmt.Errorf("reading the mark of a session in partition %d: %d values", p, len(reply)), err)
		}
		epochs[p] = reply[1]
		if reply[0] == "" {
			continue
		}
		mark, err := strconv.ParseUint(reply[0], 10, 64)
		if err != nil {
			return fmt.Errorf("mark of a session in partition %d: %w", p, err)
		}
		s.resumed = true
		s.marks[p], s.last = mark, max(s.last, mark)
	}
	s.incarnation = incarnation(epochs)
	return nil
}

// Resumed says whether the session was remembered when it was opened.
func (s *Session) Resumed() bool { return s.resumed }

// Last is the highest number known to be stored in any partition; 0 when there is none.
func (s *Session) Last() uint64 { return s.last }

// Mark is the highest number known to be stored in a partition.
func (s *Session) Mark(partition int) uint64 { return s.marks[partition] }

// Incarnation is that of the stream when the session was opened; see the function of that name.
func (s *Session) Incarnation() string { return s.incarnation }

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
