package gateway

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"millrace.dev/pkg/stream/streamtest"
)

// batchOf is a frame of events first..last of a session, spread over partitions, and their ids.
func batchOf(first, last int) (frame string, ids []string) {
	var events []string
	for n := first; n <= last; n++ {
		id := fmt.Sprint("e", n)
		ids = append(ids, id)
		events = append(events, with(id, fmt.Sprint("k", n%7)))
	}
	return array(events...), ids
}

func (p *peer) close() {
	p.Helper()
	if err := p.ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		p.Errorf("closing: %v", err)
	}
}

func TestSessionResumes(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		p := g.open(named(1))
		first := p.next()
		if first.Resumed || first.Last != 0 || first.Next != 1 || first.Incarnation == "" {
			t.Errorf("a new session is greeted %+v", first)
		}
		frame, ids := batchOf(1, 100)
		p.send(frame)
		p.expectAck(100)
		p.close()

		p = g.open(named(41)) // it believes that the last 60 were lost
		again := p.next()
		if !again.Resumed || again.Last != 100 || again.Next != 41 || again.Incarnation != first.Incarnation {
			t.Errorf("a known session is greeted %+v", again)
		}
		frame, _ = batchOf(41, 110)
		p.send(frame)
		p.expectAck(110)
		_, more := batchOf(101, 110)
		g.expectOnce(append(ids, more...)...)
		if n := g.ledger("duplicates"); n != 60 {
			t.Errorf("%d duplicates are counted", n)
		}
		if n := g.ledger("accepted"); n != 110 {
			t.Errorf("%d events are counted", n)
		}
	})
}

// Connecting alone fills nothing.
func TestHandshakeLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		p := g.open(named(1))
		p.expect("hello")
		keys, err := g.redis.Keys(t.Context(), "*mark*").Result()
		if err != nil || len(keys) > 0 {
			t.Errorf("there are marks: %v, %v", keys, err)
		}
	})
}

// Many connections of one session send the same at once: one copy is stored, and everybody is acknowledged.
func TestRacingResends(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		const peers = 200
		frame, ids := batchOf(1, 50)
		all := make([]*peer, peers)
		for i := range all {
			all[i] = g.open(named(1))
			all[i].expect("hello")
		}
		var racing sync.WaitGroup
		for _, p := range all {
			racing.Go(func() {
				if err := p.ws.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
					t.Error(err)
				}
				for {
					m, err := p.read()
					if err != nil || m.Type == "error" {
						t.Errorf("not acknowledged: %v %v", m, err)
						return
					}
					if m.Type == "ack" && *m.Seq == 50 {
						return
					}
				}
			})
		}
		racing.Wait()
		g.expectOnce(ids...)
		if n := g.ledger("accepted"); n != 50 {
			t.Errorf("%d events are counted", n)
		}
	})
}

// Two live connections of one session, of which the older one is behind, do no harm; and neither do two gateways.
func TestTwoGatewaysOfOneSession(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		one, two := startGateway(t, srv, nil), startGateway(t, srv, nil)
		var ids []string
		var racing sync.WaitGroup
		for round := range 20 {
			first := 1 + round*30
			frame, more := batchOf(first, first+29)
			ids = append(ids, more...)
			for _, g := range []*running{one, two} {
				p := g.open(named(uint64(first)))
				p.expect("hello")
				racing.Go(func() {
					defer p.ws.CloseNow()
					if err := p.ws.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
						t.Error(err)
					}
					for acked := uint64(0); acked < uint64(first+29); {
						m, err := p.read()
						if err != nil {
							t.Errorf("not acknowledged: %v", err)
							return
						}
						if m.Type == "ack" {
							acked = *m.Seq
						}
					}
				})
			}
			racing.Wait()
		}
		one.expectOnce(ids...)
	})
}

// The events of a session are stored in the order sent, in each partition, and each key in its own.
func TestOrderOfSession(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		p := g.open(named(1))
		p.expect("hello")
		const n = 500
		for i := 1; i <= n; i++ {
			p.send(with(fmt.Sprint("e", i), fmt.Sprint("k", i%13)))
		}
		p.expectAck(n)
		home := map[string]int{}
		total := 0
		for partition := range 4 {
			last := 0
			for _, e := range g.storedIn(partition) {
				var number int
				if _, err := fmt.Sscanf(e.ID, "e%d", &number); err != nil || number <= last {
					t.Fatalf("%s comes after e%d", e.ID, last)
				}
				last = number
				if at, known := home[e.PartitionKey]; known && at != partition {
					t.Fatalf("key %s is in partitions %d and %d", e.PartitionKey, at, partition)
				}
				home[e.PartitionKey] = partition
				total++
			}
		}
		if total != n {
			t.Errorf("%d events are stored", total)
		}
	})
}

// When Redis loses everything, connections go on, and who reconnects sees it.
func TestRedisLosesEverything(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		p := g.open(named(1))
		before := p.next()
		frame, _ := batchOf(1, 10)
		p.send(frame)
		p.expectAck(10)
		if err := g.redis.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		frame, ids := batchOf(11, 20)
		p.send(frame)
		p.expectAck(20) // the connection and its numbers go on
		g.expectOnce(ids...)
		after := g.open(named(21)).next()
		if after.Incarnation == before.Incarnation {
			t.Error("the incarnation is the same")
		}
		if !after.Resumed || after.Last != 20 {
			t.Errorf("what was sent since is not known: %+v", after)
		}
		eventually(t, "anonymous connections hear of the new life", func() bool {
			return g.open("").next().Incarnation == after.Incarnation
		})
	})
}

// What was taken while Redis is away is stored and acknowledged when it is back; nothing is acknowledged before.
func TestRedisGoesAwayAndComesBack(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	g := startGateway(t, srv, func(c *Config) { c.BufferEvents, c.MaxBatch = 20, 20 })
	p := g.open(named(1))
	p.expect("hello")
	frame, ids := batchOf(1, 10)
	p.send(frame)
	p.expectAck(10)
	srv.Kill()
	for first := 11; first < 51; first += 10 {
		frame, more := batchOf(first, first+9)
		ids = append(ids, more...)
		p.send(frame)
	}
	if m := p.next(); m.String() != "slow unavailable" {
		t.Errorf("the gateway says %v", m)
	}
	srv.Start()
	var said []string
	for len(said) == 0 || said[len(said)-1] != "ack 50" {
		said = append(said, p.next().String())
	}
	if !slices.Contains(said, "go") || strings.Contains(strings.Join(said, " "), "error") {
		t.Errorf("a named session hears %v", said)
	}
	g.expectOnce(ids...)
}

func TestPostIsStored(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		one := g.post(asJSON, `{"type":"t","data":{"a":  [1,2,3.10]}}`)
		lines := g.post(asNDJSON, with("mine", "k")+"\n"+ev(2))
		mixed := g.post(asJSON, array(ev(3), invalid, ev(4)))
		if one.status != 202 || lines.status != 202 || mixed.status != 202 || *mixed.Errors[0].Index != 1 {
			t.Errorf("answers are %+v, %+v, %+v", one, lines, mixed)
		}
		g.expectOnce(slices.Concat(one.IDs, lines.IDs, mixed.IDs)...)
		if lines.IDs[0] != "mine" {
			t.Errorf("the sender's id has become %s", lines.IDs[0])
		}
		for _, e := range g.stored() {
			if e.ID == one.IDs[0] && string(e.Data) != `{"a":  [1,2,3.10]}` {
				t.Errorf("data has become %s", e.Data)
			}
		}
	})
}

// Requests in parallel: each id that was answered is stored, once.
func TestPostInParallel(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		var mu sync.Mutex
		var ids []string
		var posting sync.WaitGroup
		for i := range 8 {
			posting.Go(func() {
				for n := range 20 {
					a, err := postTo(g.client, "http://"+g.addr+"/api/events", asJSON, array(ev(i), ev(n)))
					if err != nil || a.Accepted != 2 {
						t.Errorf("answer %+v, %v", a, err)
						return
					}
					mu.Lock()
					ids = append(ids, a.IDs...)
					mu.Unlock()
				}
			})
		}
		posting.Wait()
		g.expectOnce(ids...)
	})
}
