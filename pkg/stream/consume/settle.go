package consume

import (
	"context"
	_ "embed"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/state"
)

//go:embed settle.lua
var settleSource string

var settleScript = redis.NewScript(settleSource)

// What one call of settle.lua holds at most; while it is under way, finished entries gather for the next.
const (
	mostSettled   = 500
	mostArguments = 20_000
)

// settlement is one call of settle.lua, for one partition, repeated until its outcome is known.
type settlement struct {
	lane    *lane
	entries []*entry
	// unknown: a call is behind it of which nobody knows whether it was carried out. What is not ours any more
	// after that was settled by it.
	unknown bool
}

// settle is the settler: it sends what has finished, all partitions in one round trip, and meanwhile the next
// gathers. It ends when all is settled after `handled` was closed, or with ctx.
func (r *run) settle(ctx context.Context) {
	wait := stream.Backoff{Least: 20 * time.Millisecond, Most: 2 * time.Second}
	var open []*settlement
	for {
		if open = r.gather(open); len(open) == 0 {
			if !r.more(ctx) {
				return
			}
			continue
		}
		open = r.attempt(ctx, open)
		if len(open) == 0 {
			wait.Reset()
		} else if stream.Sleep(ctx, wait.Next()) != nil {
			return
		}
	}
}

// more waits until there may be something to settle; false when nothing will come.
func (r *run) more(ctx context.Context) bool {
	select {
	case <-r.bell:
		return true
	case <-ctx.Done():
		return false
	case <-r.handled:
	}
	for _, l := range r.lanes {
		if l.waits() {
			return true
		}
	}
	return false
}

// gather adds a settlement for each partition that has finished entries and none under way.
func (r *run) gather(open []*settlement) []*settlement {
	busy := make([]bool, len(r.lanes))
	for _, s := range open {
		busy[s.lane.number] = true
	}
	for _, l := range r.lanes {
		if busy[l.number] {
			continue
		}
		if entries := l.takeFinished(); len(entries) > 0 {
			open = append(open, &settlement{lane: l, entries: entries})
		}
	}
	return open
}

// attempt sends the settlements once and returns those whose outcome is not known. It holds our names as they are: a
// change of names between sending and reading would make own entries look like others'.
func (r *run) attempt(ctx context.Context, open []*settlement) []*settlement {
	r.names.RLock()
	defer r.names.RUnlock()
	pipe := r.stream.Redis().Pipeline()
	cmds := make([]*redis.Cmd, len(open))
	for i, s := range open {
		cmds[i] = settleScript.EvalSha(ctx, pipe, r.keysOf(s), r.arguments(s)...)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	var rest []*settlement
	now := time.Now()
	for i, s := range open {
		outcome, err := cmds[i].Int64Slice()
		if !r.concluded(ctx, s, outcome, err, now) {
			rest = append(rest, s)
		}
	}
	return rest
}

// concluded reads the outcome of one call; false if it has to be repeated.
func (r *run) concluded(ctx context.Context, s *settlement, outcome []int64, err error, now time.Time) bool {
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // it has not run
		err = settleScript.Load(ctx, r.stream.Redis()).Err()
		if err == nil {
			outcome, err = settleScript.EvalSha(ctx, r.stream.Redis(), r.keysOf(s), r.arguments(s)...).Int64Slice()
		}
	}
	if ctx.Err() == nil {
		r.outage.report("settling "+strconv.Itoa(s.lane.number), exceptGroup(err))
	}
	switch {
	case err == nil:
		r.settled(s, outcome, now)
	case exceptGroup(err) == nil: // the group has vanished, and with it what was ours
		r.settled(s, make([]int64, len(s.entries)), now)
	default:
		s.unknown = s.unknown || !stream.Refused(err)
		return false
	}
	return true
}

func (r *run) keysOf(s *settlement) []string {
	k := s.lane.keys
	return []string{k.Events(), k.Ledger(), k.State(r.config.Pipeline), k.Dead(r.config.Pipeline)}
}

// arguments builds the call.
func (r *run) arguments(s *settlement) []any {
	args := append(make([]any, 0, 4+8*len(s.entries)),
		r.config.Pipeline, s.lane.name(), state.MaxKeys, state.OtherField)
	for _, e := range s.entries {
		args = e.arguments(args)
	}
	return args
}

// arguments appends what settle.lua has to know of an entry.
func (e *entry) arguments(args []any) []any {
	args = append(args, e.id, e.processed, e.filtered, len(e.letters), len(e.adds.sums))
	for i := range e.letters {
		l := &e.letters[i]
		index := ""
		if l.index >= 0 {
			index = strconv.Itoa(l.index)
		}
		args = append(args, index, l.reason, l.batch, l.events)
	}
	for i := range e.adds.sums {
		args = append(args, state.Field(e.adds.sums[i].Key), e.adds.sums[i].Count)
	}
	return args
}

// settled counts what became of the entries and lets go of them.
func (r *run) settled(s *settlement, outcome []int64, now time.Time) {
	m := r.config.Metrics
	lost := 0
	for i, e := range s.entries {
		if outcome[i] == 0 && !s.unknown {
			lost++
			continue
		}
		m.Processed.Add(uint64(e.processed))
		m.Filtered.Add(uint64(e.filtered))
		m.Dead.Add(uint64(e.buried()))
		if !e.received.IsZero() {
			m.EndToEnd.Record(now.Sub(e.received), uint64(e.count))
		}
	}
	s.lane.land(s.entries)
	for _, e := range s.entries {
		r.entries.Put(e)
	}
	if lost > 0 {
		m.Lost.Add(uint64(lost))
		s.lane.doubtful() // we may have been given them again meanwhile
		r.log.Warn("entries were handled here that are not ours any more: taken over, or gone with their group; they are not counted here",
			"partition", s.lane.number, "entries", lost)
	}
}

// waits says whether something is there to be settled.
func (l *lane) waits() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.finished) > 0
}

// takeFinished takes what one call can hold.
func (l *lane) takeFinished() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, arguments := 0, 0
	for n < len(l.finished) && n < mostSettled && arguments < mostArguments {
		e := l.finished[n]
		arguments += 5 + 4*len(e.letters) + 2*len(e.adds.sums)
		n++
	}
	taken := append([]*entry(nil), l.finished[:n]...)
	rest := copy(l.finished, l.finished[n:])
	clear(l.finished[rest:])
	l.finished = l.finished[:rest]
	return taken
}
