package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
)

// mostLog is how many changes the log holds; change.lua has the same number.
const mostLog = 50

// Get returns what Redis holds.
func Get(ctx context.Context, s *stream.Stream) (State, error) {
	r, err := get(ctx, s)
	return r.State, err
}

// reading is a State with what is needed to see that the next one has less.
type reading struct {
	State
	// text is the field version: it differs after every change, and after a loss.
	text string
	// life is that of the hash: another one begins when Redis has lost it.
	life string
	said said
	// held are the keys that Redis holds, which may be others than those in force.
	held []access.Key
	// older are those that it held when it fell back to an earlier state; fell: that has happened, and nobody has said
	// anything of keys since.
	older []access.Key
	fell  bool
}

// said tells of which matters something was ever said, be it that there is none.
type said struct{ pause, limits, keys bool }

// get reads the hash at one moment.
func get(ctx context.Context, s *stream.Stream) (reading, error) {
	fields, err := s.Redis().HGetAll(ctx, stream.ControlKey).Result()
	if err != nil {
		return reading{}, fmt.Errorf("reading what operators said: %w", stream.Classify(err))
	}
	r, err := read(fields)
	if err != nil {
		return reading{}, fmt.Errorf("reading what operators said: %s: %w", stream.ControlKey, err)
	}
	return r, nil
}

// read understands the fields of the hash. What can't be read makes the whole useless: half of what was said could open
// a door.
func read(fields map[string]string) (r reading, err error) {
	r.text = fields["version"]
	if r.text != "" {
		number, rest, _ := strings.Cut(r.text, " ")
		if r.Version, err = strconv.ParseUint(number, 10, 64); err != nil {
			return reading{}, fmt.Errorf("version: %w", err)
		}
		r.life, _, _ = strings.Cut(rest, " ")
	}
	for name, text := range fields {
		if err := r.add(name, text); err != nil {
			return reading{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	slices.SortFunc(r.Keys, func(a, b access.Key) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	r.held = r.Keys
	return r, r.readLog(fields)
}

// add takes one field.
func (r *reading) add(name, text string) (err error) {
	kind, of, _ := strings.Cut(name, ":")
	switch kind {
	case "pause":
		r.said.pause = true
		if text != "" {
			r.Pause, err = readChange(text)
		}
	case "limits":
		r.said.limits = true
		r.LimitsChange, err = readChange(text)
	case "limit":
		if r.Limits == nil {
			r.Limits = map[Limit]float64{}
		}
		r.Limits[Limit(of)], err = strconv.ParseFloat(text, 64)
	case "keys":
		r.said.keys = true
	case "key":
		var k access.Key
		k, err = readKey(of, text)
		r.Keys = append(r.Keys, k)
	}
	return err
}

// readLog puts the latest changes in order: that of version n lies in field n mod mostLog.
func (r *reading) readLog(fields map[string]string) error {
	for n := r.Version; n > 0 && r.Version-n < mostLog; n-- {
		name := "log:" + strconv.FormatUint(n%mostLog, 10)
		text, there := fields[name]
		if !there {
			continue
		}
		c, err := readChange(text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Log = append(r.Log, *c)
	}
	return nil
}

func readChange(text string) (*Change, error) {
	at, rest, err := cutTime(text)
	if err != nil {
		return nil, err
	}
	var c record
	if err := json.Unmarshal([]byte(rest), &c); err != nil {
		return nil, err
	}
	return &Change{At: time.UnixMilli(at).UTC(), By: c.By, What: c.What, Why: c.Why}, nil
}

// cutTime reads the milliseconds that stand before something.
func cutTime(text string) (ms int64, rest string, err error) {
	number, rest, found := strings.Cut(text, " ")
	if !found {
		return 0, "", errors.New("it has no time")
	}
	ms, err = strconv.ParseInt(number, 10, 64)
	return ms, rest, err
}
