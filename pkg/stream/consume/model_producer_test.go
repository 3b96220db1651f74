package consume

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/produce"
)

// sender is a named producer: events bound to numbers, and the highest that is acknowledged.
type sender struct {
	name  string
	where []int // partition of event n, at n-1; -1 is an event that every gateway refuses
	acked uint64
}

func (s *sender) id(n uint64) string { return fmt.Sprintf("%s/%d", s.name, n) }

// link is a connection of a sender to a gateway: what was sent on it, and what of that is decided.
type link struct {
	sender  *sender
	session *produce.Session
	next    uint64 // the number that is sent next
	acked   uint64 // all up to it are decided
	open    map[uint64]bool
}

// decide takes note that event n is decided, and acknowledges what can be.
func (l *link) decide(n uint64) {
	l.open[n] = true
	for l.open[l.acked+1] {
		delete(l.open, l.acked+1)
		l.acked++
	}
	l.sender.acked = max(l.sender.acked, l.acked)
}

// modelGateway is a gateway without sockets: queues of events, and a real Appender.
type modelGateway struct {
	appender *produce.Appender
	links    []*link
	queues   [][]queued // by partition
}

// queued is an event that was taken and is not appended.
type queued struct {
	link   *link // nil: anonymous
	number uint64
	id     string
}

// gatewayModel is what produces: senders, gateways, and what they did.
type gatewayModel struct {
	t        *testing.T
	rand     *rand.Rand
	stream   *stream.Stream
	faults   *faults
	senders  []*sender
	gateways []*modelGateway
	started  int
	// anonymous holds the ids of anonymous events, and whether they were acknowledged.
	anonymous map[string]bool
	accepted  int // as the appenders say
}

func (m *gatewayModel) newGateway() *modelGateway {
	m.started++
	return &modelGateway{
		appender: produce.NewAppender(m.stream, fmt.Sprintf("gateway-%d", m.started), time.Hour),
		queues:   make([][]queued, m.stream.Partitions()),
	}
}

// connect opens a session anew at a gateway: from the first event that is not acknowledged.
func (m *gatewayModel) connect(g *modelGateway, s *sender) {
	session, err := produce.Open(context.Background(), m.stream, "", s.name, time.Hour)
	if err != nil { // no greeting: the client tries again later
		return
	}
	if session.Last() > uint64(len(s.where)) {
		m.t.Fatalf("session %s: %d is stored, only %d were sent", s.name, session.Last(), len(s.where))
	}
	g.links = append(g.links, &link{sender: s, session: session, next: s.acked + 1, acked: s.acked, open: map[uint64]bool{}})
}

// send sends some events on a connection: those that were sent before and not acknowledged, then new ones.
func (m *gatewayModel) send(g *modelGateway, l *link) {
	for range 1 + m.rand.IntN(5) {
		if l.next > uint64(len(l.sender.where)) {
			l.sender.where = append(l.sender.where, m.rand.IntN(m.stream.Partitions()+1)-1)
		}
		n := l.next
		l.next++
		if p := l.sender.where[n-1]; p >= 0 {
			g.queues[p] = append(g.queues[p], queued{l, n, l.sender.id(n)})
		} else {
			l.decide(n)
		}
	}
}

func (m *gatewayModel) sendAnonymous(g *modelGateway) {
	for range 1 + m.rand.IntN(3) {
		id := fmt.Sprintf("anonymous/%d", len(m.anonymous))
		m.anonymous[id] = false
		p := m.rand.IntN(len(g.queues))
		g.queues[p] = append(g.queues[p], queued{id: id})
	}
}

// append appends some of what is queued, as a lane does: at most one batch a partition. With crash, the gateway dies
// at the first fault and nothing is acknowledged that was not stored before.
func (m *gatewayModel) append(g *modelGateway, crash bool) (alive bool) {
	var batches []*produce.Batch
	var taken [][]queued
	for p, q := range g.queues {
		n := min(len(q), 1+m.rand.IntN(8))
		if n == 0 {
			continue
		}
		batches = append(batches, m.batch(p, q[:n]))
		taken = append(taken, q[:n])
		g.queues[p] = q[n:]
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if crash {
		m.faults.broken = cancel
		defer func() { m.faults.broken = nil }()
	}
	err := g.appender.Append(ctx, batches)
	for i, b := range batches {
		if b.Stored.Done {
			m.acknowledge(b, taken[i])
		} else if err == nil {
			m.t.Fatal("Append returned nil and a batch is not done")
		}
	}
	return err == nil
}

func (m *gatewayModel) acknowledge(b *produce.Batch, events []queued) {
	if got := b.Stored.Accepted + b.Stored.Duplicates; got != len(events) {
		m.t.Fatalf("%d events were accepted or recognised, of %d", got, len(events))
	}
	m.accepted += b.Stored.Accepted
	for _, q := range events {
		if q.link == nil {
			m.anonymous[q.id] = true
		} else {
			q.link.decide(q.number)
		}
	}
}

// batch builds the parts, as a gateway does: one for each connection, one for all anonymous events.
func (m *gatewayModel) batch(partition int, events []queued) *produce.Batch {
	b := &produce.Batch{Partition: partition, Parts: make([]produce.Part, 1)}
	at := map[*link]int{}
	for _, q := range events {
		i, known := at[q.link]
		if !known && q.link != nil {
			b.Parts = append(b.Parts, produce.Part{Session: q.link.session})
			i = len(b.Parts) - 1
			at[q.link] = i
		}
		p := &b.Parts[i]
		p.Bytes = appendEvent(m.t, p.Bytes, q.id)
		if q.link == nil {
			p.Events++
		} else {
			p.Add(q.number, len(p.Bytes))
		}
	}
	return b
}

func appendEvent(t testing.TB, dst []byte, id string) []byte {
	var f event.Frame
	if err := f.DecodeJSON(fmt.Appendf(nil, `{"id":%q,"type":"type-%d"}`, id, len(id)%3), event.DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	return event.AppendMember(dst, &f.Events[0], &event.Defaults{Source: "/model", Received: time.Now()})
}
