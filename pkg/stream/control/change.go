package control

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

var (
	//go:embed change.lua
	changeSource string
	//go:embed pause.lua
	pauseSource string
	//go:embed limits.lua
	limitsSource string
	//go:embed keys.lua
	keysSource string

	pauseScript  = redis.NewScript(changeSource + pauseSource)
	limitsScript = redis.NewScript(changeSource + limitsSource)
	keysScript   = redis.NewScript(changeSource + keysSource)
)

// LongestWhy bounds a reason, in characters.
const LongestWhy = 200

// CheckWhy says what is wrong with a reason. It is shown on terminals and pages, so it holds nothing that would change how
// what is around it looks (U+202E turns the rest of a line round).
func CheckWhy(why string) error {
	if n := utf8.RuneCountInString(why); n > LongestWhy {
		return fmt.Errorf("why: it has %d characters; at most %d are taken", n, LongestWhy)
	}
	for _, c := range why {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return errors.New("why: it has characters that can't be shown")
		}
	}
	return nil
}

// Pause stops intake on all gateways. It returns the version in which that is so. Pausing again for the same reason
// changes nothing: who did it first, and when, stays. For another reason it is another change.
func Pause(ctx context.Context, s *stream.Stream, by, why string) (version uint64, err error) {
	return pauseOrResume(ctx, s, "pause", Change{By: by, What: "paused", Why: why})
}

// Resume lets intake go on, on all gateways. It changes nothing where the last word was that it goes on.
func Resume(ctx context.Context, s *stream.Stream, by, why string) (version uint64, err error) {
	return pauseOrResume(ctx, s, "resume", Change{By: by, What: "resumed", Why: why})
}

func pauseOrResume(ctx context.Context, s *stream.Stream, what string, c Change) (uint64, error) {
	if err := CheckWhy(c.Why); err != nil {
		return 0, err
	}
	return run(ctx, s, pauseScript, c, what, c.Why)
}

// record is a change as it is stored; its time, which Redis adds, stands before it.
type record struct {
	By   string `json:"by"`
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
}

// refusals are the names that scripts give to why they changed nothing.
var refusals = map[string]error{
	"full": ErrTooManyKeys, "taken": ErrKeyTaken, "no admin": ErrNoAdmin, "unknown": ErrUnknownKey,
}

// run makes a change by one of the scripts. An error that stream.Refused does not know, and that is none of this
// package's, leaves it open whether the change was made.
func run(ctx context.Context, s *stream.Stream, script *redis.Script, c Change, args ...any) (version uint64, err error) {
	text, err := json.Marshal(record{c.By, c.What, c.Why})
	if err != nil {
		return 0, fmt.Errorf("writing a change: %w", err)
	}
	args = append([]any{rand.Text(), string(text)}, args...)
	reply, err := script.Run(ctx, s.Redis(), []string{stream.ControlKey}, args...).StringSlice()
	if err != nil {
		return 0, fmt.Errorf("writing a change: %w", stream.Classify(err))
	}
	if refusal, refused := refusals[reply[0]]; refused {
		return 0, refusal
	}
	if version, err = strconv.ParseUint(reply[len(reply)-1], 10, 64); err != nil {
		return 0, fmt.Errorf("writing a change: the version: %w", err)
	}
	return version, nil
}
