package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"millrace.dev/pkg/event"
)

// crowd is a gateway whose buffer takes ten events, with one partition of which an append is under way with event 0.
func crowd(t *testing.T, policy string, f func(b *bubble, p *peer)) {
	t.Helper()
	inBubble(t, 1, func(c *Config) { c.BufferEvents, c.MaxBatch, c.BufferPolicy = 10, 10, policy }, func(b *bubble) {
		b.store.hold()
		p := b.greeted("")
		p.send(ev(0))
		synctest.Wait()
		f(b, p)
	})
}

func evs(first, last int) string {
	var events []string
	for i := first; i <= last; i++ {
		events = append(events, ev(i))
	}
	return array(events...)
}

func TestRejectWhenFull(t *testing.T) {
	crowd(t, policyReject, func(b *bubble, p *peer) {
		p.send(evs(1, 9))
		p.send(array(ev(10), invalid))
		p.expect("error 11 overloaded", "error 12 invalid_event")
		if a := b.post(asJSON, ev(11)); a.status != http.StatusServiceUnavailable || a.Code != "overloaded" {
			t.Errorf("POST is answered %+v", a)
		}
		session := b.greeted(named(1))
		session.send(ev(12))
		session.expect("slow overloaded")
		b.store.release(0)
		p.expectAck(12)
		session.expect("go", "ack 1")
		if got := strings.Join(b.store.data(), " "); got != "0 1 2 3 4 5 6 7 8 9 12" {
			t.Errorf("stored: %s", got)
		}
	})
}

func TestDropOldestWhenFull(t *testing.T) {
	crowd(t, policyDropOldest, func(b *bubble, p *peer) {
		p.send(evs(1, 4)) // numbers 2 to 5
		synctest.Wait()
		other := b.greeted("")
		other.send(evs(10, 14))
		synctest.Wait()
		other.send(evs(15, 16)) // 4 make room for 2
		p.expect("error 2 dropped", "error 3 dropped", "error 4 dropped", "error 5 dropped")
		b.store.release(0)
		p.expectAck(5)
		other.expectAck(7)
		if got := strings.Join(b.store.data(), " "); got != "0 10 11 12 13 14 15 16" {
			t.Errorf("stored: %s", got)
		}
		if n := b.gateway.metrics.dropped.Load(); n != 4 {
			t.Errorf("%d are counted as dropped", n)
		}
		if events, bytes, _ := b.gateway.room.used(); events != 0 || bytes != 0 {
			t.Errorf("%d events of %d bytes are left in the room", events, bytes)
		}
	})
}

// A named session's events are not dropped, and it is held back as ever.
func TestDropOldestSparesSessions(t *testing.T) {
	crowd(t, policyDropOldest, func(b *bubble, p *peer) {
		session := b.greeted(named(1))
		session.send(evs(20, 25))
		synctest.Wait()
		p.send(evs(1, 3))
		synctest.Wait()
		session.send(ev(26)) // full: it waits
		session.expect("slow overloaded")
		p.send(evs(4, 6)) // makes room for itself, though the session waits: else nothing would be dropped any more
		p.expect("error 2 dropped", "error 3 dropped", "error 4 dropped")
		b.store.release(0)
		session.expect("go")
		session.expectAck(7)
		p.expectAck(7)
		if got := strings.Join(b.store.data(), " "); got != "0 20 21 22 23 24 25 26 4 5 6" && got != "0 4 5 6 20 21 22 23 24 25 26" {
			t.Errorf("stored: %s", got)
		}
	})
}

// What is on its way to Redis may be stored: when nothing else is there, who comes waits.
func TestDropOldestSparesWhatIsOnItsWay(t *testing.T) {
	inBubble(t, 1, func(c *Config) { c.BufferEvents, c.MaxBatch, c.BufferPolicy = 10, 10, policyDropOldest }, func(b *bubble) {
		b.store.hold()
		p := b.greeted("")
		p.send(evs(0, 9))
		synctest.Wait()
		p.send(ev(10))
		synctest.Wait()
		if n := b.gateway.metrics.dropped.Load(); n != 0 {
			t.Errorf("%d are dropped", n)
		}
		b.store.release(0)
		p.expectAck(11)
	})
}

// A request whose events were dropped is told which, and answered at once if all were.
func TestDropOldestOfRequests(t *testing.T) {
	crowd(t, policyDropOldest, func(b *bubble, p *peer) {
		answers := make(chan answer, 1)
		go func() { answers <- b.post(asJSON, array(ev(1), invalid, ev(2))) }()
		synctest.Wait()
		p.send(evs(10, 19)) // as much as fits at all, but for what is on its way
		a := <-answers
		if a.status != http.StatusServiceUnavailable || a.retryAfter == "" || len(a.IDs) != 0 || len(a.Errors) != 3 ||
			a.Errors[0].Code != event.CodeDropped || !a.Errors[0].Retryable || *a.Errors[2].Index != 2 {
			t.Errorf("it is answered %+v", a)
		}
		b.store.release(0)
		p.expectAck(11)
		if got := b.store.data(); len(got) != 11 || slices.Contains(got, "1") {
			t.Errorf("stored: %v", got)
		}
	})
}

// dropped reads until everything is acknowledged, and returns the numbers of the events that were dropped.
func (p *peer) dropped(last uint64) map[uint64]bool {
	told := map[uint64]bool{}
	for {
		m, err := p.read()
		switch {
		case err != nil:
			p.Errorf("reading: %v", err)
			return told
		case m.Type == "error" && m.Code == event.CodeDropped && told[*m.Seq]:
			p.Errorf("event %d was dropped twice", *m.Seq)
		case m.Type == "error" && m.Code == event.CodeDropped:
			told[*m.Seq] = true
		case m.Type == "ack" && *m.Seq == last:
			return told
		}
	}
}

// Whatever is dropped, an event is stored or its sender told, never both, and the room is empty at the end.
func TestDropOldestLosesNothingInSilence(t *testing.T) {
	inBubble(t, 3, func(c *Config) { c.BufferEvents, c.MaxBatch, c.BufferPolicy = 50, 10, policyDropOldest }, func(b *bubble) {
		const peers, frames = 4, 60
		b.store.hold()
		told := make([]map[uint64]bool, peers)
		var reading, sending sync.WaitGroup
		for i := range peers {
			p := b.greeted("")
			reading.Go(func() { told[i] = p.dropped(3 * frames) })
			sending.Go(func() {
				for round := range frames {
					keyed := fmt.Sprintf(`{"type":"t","data":"%d-%d","partitionkey":"%d"}`, i, 3*round+1, round%7)
					p.send(array(keyed, invalid, fmt.Sprintf(`{"type":"t","data":"%d-%d"}`, i, 3*round+3)))
				}
			})
		}
		sent := make(chan struct{})
		go func() { sending.Wait(); close(sent) }()
		for done := false; !done; {
			synctest.Wait()
			select {
			case <-sent:
				done = true
			default:
				b.store.releaseAll()
				synctest.Wait()
				b.store.hold()
			}
		}
		b.store.releaseAll()
		reading.Wait()
		stored := map[string]bool{}
		for _, data := range b.store.data() {
			if stored[data] {
				t.Errorf("%s is stored twice", data)
			}
			stored[data] = true
		}
		dropped := 0
		for i := range peers {
			dropped += len(told[i])
			for n := uint64(1); n <= 3*frames; n++ {
				if n%3 != 2 && stored[fmt.Sprintf(`"%d-%d"`, i, n)] == told[i][n] {
					t.Errorf("event %d of %d is stored: %v, and was told to be dropped: %v", n, i, !told[i][n], told[i][n])
				}
			}
		}
		if n := b.gateway.metrics.dropped.Load(); int(n) != dropped || n == 0 {
			t.Errorf("%d are counted as dropped, %d were told", n, dropped)
		}
		if events, bytes, _ := b.gateway.room.used(); events != 0 || bytes != 0 {
			t.Errorf("%d events of %d bytes are left in the room", events, bytes)
		}
	})
}
