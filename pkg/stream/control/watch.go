package control

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

// Every is how often Watch looks, unless it has to be otherwise: four times within the second in which every gateway
// hears a change.
const Every = 250 * time.Millisecond

// Watch follows what operators say, on the caller's goroutine, until ctx ends. It yields the first state at once, and
// then each that differs. When Redis fails it yields the error once, with the last state that is known, and when Redis
// is back that state without an error, or a newer one. As long as none is known the state beside an error is the zero
// State: that does not mean that nobody has said anything. The receiver changes nothing of what it gets.
//
// A Redis that has lost what was said opens no door and resumes nothing. Watch keeps of the pause, the limits and the
// keys what it last knew, each until somebody says it anew, and State.Lost says so. If Redis came back with an older
// state (a replica that was behind, an append-only file without its end, a dump) all is kept until the next change,
// which is on top of what Redis holds, and the keys until the next change of keys. A key that was seen to go opens
// nothing any more, whatever Redis holds: see State.CameBack. Nobody writes back what was lost, and a process that
// starts then knows only what Redis holds: keys have to be made again.
//
// Looking costs one HGET; all is read only when it has changed.
func Watch(ctx context.Context, s *stream.Stream, every time.Duration) iter.Seq2[State, error] {
	return func(yield func(State, error) bool) {
		var w watcher
		for {
			news := w.look(ctx, s)
			if ctx.Err() != nil || news && !yield(w.last.State, w.err) {
				return
			}
			if err := stream.Sleep(ctx, every); err != nil {
				return
			}
		}
	}
}

// watcher is what Watch knows.
type watcher struct {
	known bool
	last  reading
	gone  graves
	err   error
}

// patience bounds a look, so that whoever is told to stop while Redis hangs does not wait for a whole --redis-timeout.
const patience = 2 * time.Second

// look says whether there is anything new: a state, or that an error begins or ends.
func (w *watcher) look(ctx context.Context, s *stream.Stream) (news bool) {
	now, err := w.read(ctx, s)
	failed := w.err != nil
	if w.err = err; err != nil {
		return !failed
	}
	if w.known && now.text == w.last.text {
		return failed
	}
	next := after(w.last, now)
	w.gone.fill(w.last.Keys, next.Keys)
	next.Keys, next.CameBack = w.gone.keepShut(next.Keys)
	w.known, w.last = true, next
	return true
}

// read returns what Redis holds, or the last reading if that has not changed.
func (w *watcher) read(ctx context.Context, s *stream.Stream) (reading, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, err := s.Redis().HGet(ctx, stream.ControlKey, "version").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return reading{}, fmt.Errorf("looking for what operators say: %w", stream.Classify(err))
	}
	if w.known && text == w.last.text {
		return w.last, nil
	}
	return get(ctx, s)
}

// after is what holds when Redis says now, and last held before: now, and what is lacking there.
func after(last, now reading) reading {
	if now.life == last.life && now.Version < last.Version {
		return fallen(last, now)
	}
	kept := false
	if last.said.pause && !now.said.pause {
		now.Pause, kept = last.Pause, true
	}
	if last.said.limits && !now.said.limits {
		now.Limits, now.LimitsChange, kept = last.Limits, last.LimitsChange, true
	}
	if now.LostKeys = keysLost(last, now); now.LostKeys {
		now.Keys, now.fell, now.older, kept = last.Keys, last.fell, last.older, true
	}
	if now.Version == 0 {
		now.Log = last.Log
	}
	now.Lost = kept
	now.said = said{
		pause: last.said.pause || now.said.pause, limits: last.said.limits || now.said.limits,
		keys: last.said.keys || now.said.keys,
	}
	return now
}

// fallen is what holds when Redis fell back from last to now: all that held.
func fallen(last, now reading) reading {
	kept := last
	kept.Version, kept.text, kept.held, kept.Lost = now.Version, now.text, now.held, true
	kept.fell, kept.older = true, now.held
	kept.LostKeys = !slices.Equal(last.Keys, now.held)
	return kept
}

// keysLost says whether Redis lacks the keys that were in force, and nobody has said anything of keys since.
func keysLost(last, now reading) bool {
	if last.said.keys && !now.said.keys {
		return true
	}
	return last.fell && now.life == last.life && slices.Equal(now.held, last.older) && !slices.Equal(now.held, last.Keys)
}
