package survey

import (
	"time"

	"millrace.dev/pkg/stream/ledger"
)

// place is what is known of a partition when its groups are read.
type place struct {
	accepted uint64
	// taken is now, by our clock; ahead is what has to be added to Redis's to have ours.
	taken time.Time
	ahead time.Duration
}

// account adds to a pipeline's account what is pending, counted from the stream and the group and not from the book.
func (p place) account(g rawGroup, a ledger.Account, f *fault) ledger.Account {
	a.Unread = p.unread(g, f)
	a.Working = g.events
	a.Uncounted = g.pending - g.counted
	if g.delivered == "" {
		a.Unread -= p.again(a)
	}
	return a
}

// unread counts the events from the first entry on that was not delivered, if it is still there: what was cut off
// before it was read must show as missing.
func (p place) unread(g rawGroup, f *fault) uint64 {
	if g.unread == "" {
		return 0
	}
	at := g.delivered
	if at == "" { // the group is gone, and begins again here
		at = g.low
	}
	return p.accepted - min(p.accepted, max(f.entry(g.unread).Before, f.entry(at).After()))
}

// again is what of a vanished group's unread events was settled before it vanished. When the group is made again, they
// become `replayed`; until then they are no second time in the books.
func (p place) again(a ledger.Account) uint64 {
	l := ledger.Ledger{Accepted: p.accepted, Pipelines: map[string]ledger.Account{"": a}}
	if missing := l.Missing(""); missing < 0 {
		return min(uint64(-missing), a.Unread)
	}
	return 0
}

// group is what a survey tells of a group.
func (p place) group(g rawGroup, f *fault) Group {
	out := Group{Delivered: g.delivered, Gone: g.delivered == "", Consumers: g.consumers}
	if g.unread != "" {
		arrived := time.UnixMilli(int64(f.entry(g.unread).Milliseconds)).Add(p.ahead)
		if arrived.After(p.taken) { // ids never go back, so after a clock did they are ahead of it
			arrived = p.taken
		}
		out.OldestUnread = arrived
	}
	return out
}
