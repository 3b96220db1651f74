package gateway

import (
	"math/rand/v2"
	"slices"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/produce"
)

// request is a producer that sends once: POST /api/events. It is a session of its own, so its events without a
// partitionkey go to one partition, chosen at random.
type request struct {
	producer
	done chan struct{}
	// ids of the events, by their place in the body; empty where one was refused. The window's lock guards both.
	ids    []string
	errors []postedError
}

// post puts the events on their way and waits until every one is decided, however long Redis is away. The outcome
// is not known only if this gateway gives up appending before.
func (g *Gateway) post(who *sender, claim *produce.Claim, f *frame) (answer posted, known bool) {
	q := &request{done: make(chan struct{}), ids: make([]string, len(f.Events))}
	q.home = rand.IntN(len(g.partitions))
	if claim != nil {
		q.repeatable(claim, len(g.partitions), f)
	}
	q.news = func() {
		if q.empty() {
			close(q.done)
		}
	}
	q.lost = func(n uint64) { q.noteRefused(int(n)-1, refuseDropped) }
	if !g.postAll(q, who, f) {
		return q.answer(), true
	}
	select {
	case <-q.done:
		return q.answer(), true
	case <-g.appended:
		return q.answer(), q.decidedAll()
	}
}

// repeatable makes a request one that can be repeated: a session whose events have the same numbers, and ids, each
// time. The last number given is that of the event that asks for an id.
func (q *request) repeatable(claim *produce.Claim, partitions int, f *frame) {
	q.session, q.places, q.home = claim.Session, make([]place, partitions), claim.Partition
	f.defaults.ID = func(dst []byte) []byte { return append(dst, claim.ID(q.last)...) }
}

// postAll takes each event of a body, and says whether there is anything to wait for.
func (g *Gateway) postAll(q *request, who *sender, f *frame) (waiting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.ring()
	for i := range f.Events {
		g.postOne(q, i, who, f)
	}
	return !q.empty()
}

func (g *Gateway) postOne(q *request, i int, who *sender, f *frame) {
	s := &f.Events[i]
	if s.Control != event.None {
		s.Refused = event.Refuse(event.CodeInvalidEvent,
			`attribute "type": ping and pong without data are heartbeats of a WebSocket, not events`)
	}
	if s.Refused != nil {
		g.refused(who, s.Refused, s.Raw, 1)
		q.refuse(q.last + 1)
		q.noteRefused(i, s.Refused)
		return
	}
	g.accept(&q.producer, q.last+1, s, &f.defaults)
	q.ids[i] = string(f.defaults.LastID())
}

// noteRefused notes what an event of the body was refused for; the window is locked.
func (q *request) noteRefused(index int, why *event.Refusal) {
	q.ids[index] = ""
	q.errors = append(q.errors, errorOf(&index, why))
}

// answer is what became of the body.
func (q *request) answer() posted {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := posted{IDs: slices.DeleteFunc(q.ids, func(id string) bool { return id == "" }), Errors: q.errors}
	p.Accepted = len(p.IDs)
	if p.Errors == nil {
		p.Errors = []postedError{}
	}
	slices.SortFunc(p.Errors, func(a, b postedError) int { return *a.Index - *b.Index })
	return p
}

// decidedAll says whether every event of the body is decided.
func (q *request) decidedAll() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.empty()
}
