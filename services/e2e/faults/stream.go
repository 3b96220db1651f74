package faults

import (
	"context"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/stream/consume"
)

// Somebody deletes an entry by hand that no worker has read: its events are lost.
func deleteWhatNobodyRead(t testing.TB, p *Patient) {
	if code := p.worker.Stop(); code != 0 {
		t.Fatalf("the worker ended with code %d", code)
	}
	before := newest(p)
	p.send(t, "lost", 20)
	p.deleteOne(t, before)
	p.worker.Again()
}

// An entry that every pipeline has settled may go: that is what trimming does.
func deleteWhatIsSettled(t testing.TB, p *Patient) {
	before := newest(p)
	p.send(t, "settled", 20)
	p.AwaitProcessed(120)
	p.deleteOne(t, before)
	p.send(t, "after", 20)
}

const keys = "millrace:1:{p*}:events"

// newest is the id of each partition's newest entry.
func newest(p *Patient) map[string]string {
	ids := map[string]string{}
	for key := range strings.FieldsSeq(p.RedisCommand("--scan", "--pattern", keys)) {
		id, _, _ := strings.Cut(p.RedisCommand("XREVRANGE", key, "+", "-", "COUNT", "1"), "\n")
		ids[key] = id
	}
	return ids
}

// deleteOne deletes an entry that is newer than those before.
func (p *Patient) deleteOne(t testing.TB, before map[string]string) {
	t.Helper()
	for key, id := range newest(p) {
		if id != "" && id != before[key] {
			if n := p.RedisCommand("XDEL", key, id); n != "1" {
				t.Fatalf("XDEL %s %s: %s", key, id, n)
			}
			return
		}
	}
	t.Fatal("no entry is new")
}

// A handler never comes to an end: what its worker has no room for waits unread.
func hangAHandler(t testing.TB, p *Patient) {
	p.Pipeline("hangs", func(ctx context.Context, _ []consume.Delivery) []consume.Result {
		<-ctx.Done()
		return nil
	})
	p.send(t, "waiting", 5000)
}

// A handler is slow and keeps up.
func slowAHandler(t testing.TB, p *Patient) {
	p.Pipeline("slow", func(ctx context.Context, _ []consume.Delivery) []consume.Result {
		timer := time.NewTimer(20 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return nil
	})
	p.send(t, "slowly", 5000)
}

// Clients send more than one small gateway brings to Redis.
func sendMoreThanIsStored(_ testing.TB, p *Patient) {
	small := p.Gateway("--buffer-events=1000")
	small.AwaitReady()
	p.Load(16, 0, small.WebSocket()).AwaitAcked(2000)
}

// The same clients send with pauses.
func sendWhatIsStored(_ testing.TB, p *Patient) {
	small := p.Gateway("--buffer-events=1000")
	small.AwaitReady()
	p.Load(16, 100*time.Millisecond, small.WebSocket()).AwaitAcked(500)
}
