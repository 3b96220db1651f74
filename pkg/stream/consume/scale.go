package consume

import (
	"context"
	"strconv"
	"time"
)

// Where the number of handlers changes (the guide's). They are so far apart that one handler more or less, with the
// same work, never carries the utilisation from one to the other.
const (
	scaleUp   = 0.8
	scaleDown = 0.2
)

// scaled is how many handlers there are to be instead of now: one more, one fewer, or as many. Utilisation is the share
// of their time that they spent in calls; behind says that more waits than there is room for. Handlers that idle while
// more waits are not what holds it up (Redis is, or what failed and is tried later): then more of them would not help.
func scaled(now, least, most int, utilisation float64, behind bool) int {
	switch {
	case utilisation > scaleUp, behind && utilisation >= scaleDown:
		now++
	case utilisation < scaleDown && !behind:
		now--
	}
	return max(least, min(now, most))
}

// scaler changes the number of handlers with their load.
type scaler struct {
	run      *run
	handlers int
	// at and busy are the time of the last look, and what the handlers had worked until then.
	at   time.Time
	busy time.Duration
	// said: a change was logged, and up says which way it was.
	said bool
	up   bool
}

// scale looks at the load every Config.ScaleEvery, until ctx ends. A drain goes on with the handlers that there are.
func (r *run) scale(ctx context.Context, start func()) {
	if r.config.MinHandlers == r.config.MaxHandlers {
		return
	}
	s := &scaler{run: r, handlers: r.config.MinHandlers, at: time.Now()}
	tick := time.NewTicker(r.config.ScaleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.look(time.Now(), start)
		case <-ctx.Done():
			return
		}
	}
}

// look starts a handler or ends one, if the load since the last look wants it.
func (s *scaler) look(now time.Time, start func()) {
	c, passed := s.run.config, now.Sub(s.at)
	busy := s.run.load.busy(now)
	utilisation := float64(busy-s.busy) / float64(passed*time.Duration(s.handlers))
	behind := s.run.behind(now, passed)
	s.at, s.busy = now, busy
	switch n := scaled(s.handlers, c.MinHandlers, c.MaxHandlers, utilisation, behind); {
	case n > s.handlers:
		s.run.makeRoom(n) // before there is a handler that waits for what is read into it
		start()
		s.changed(n, utilisation, behind)
	case n < s.handlers && s.run.endIdle():
		s.run.makeRoom(n)
		s.changed(n, utilisation, behind)
	}
}

// changed takes note, and logs it if the number went the other way before: a line for each step would say nothing new.
func (s *scaler) changed(handlers int, utilisation float64, behind bool) {
	up := handlers > s.handlers
	if !s.said || up != s.up {
		what := "fewer handlers are needed"
		if up {
			what = "more handlers are needed"
		}
		s.run.log.Info(what, "handlers", handlers, "utilisation", strconv.FormatFloat(utilisation, 'f', 2, 64), "behind", behind)
		s.said, s.up = true, up
	}
	s.handlers = handlers
}

// endIdle ends a handler that waits for a batch, and says whether there was one. None is ended in a call: with so
// little to do, one will wait at the next look.
func (r *run) endIdle() bool {
	select {
	case r.idle <- struct{}{}:
		return true
	default:
		return false
	}
}

// behind says whether a reader had no room for more than half of the time that passed: what comes is more than goes.
func (r *run) behind(now time.Time, passed time.Duration) bool {
	var longest time.Duration
	for _, l := range r.lanes {
		longest = max(longest, l.blocked(now))
	}
	return longest > passed/2
}

// makeRoom gives all partitions the room that so many handlers need. Where it becomes less than what is in flight, no
// more is read until that has landed.
func (r *run) makeRoom(handlers int) {
	most := roomFor(r.config, handlers, len(r.lanes)).most
	for _, l := range r.lanes {
		l.mu.Lock()
		l.room.most = most
		l.mu.Unlock()
		ring(l.bell)
	}
}
