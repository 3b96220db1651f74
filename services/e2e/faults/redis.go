package faults

import (
	"fmt"
	"testing"

	"millrace.dev/services/e2e/stack"
)

// maxMemory is what the Redis of a patient may use, in bytes.
const maxMemory = 512 << 20

// set changes a setting of Redis while it runs.
func (p *Patient) set(t testing.TB, name, value string) {
	t.Helper()
	if answer := p.RedisCommand("CONFIG", "SET", name, value); answer != "OK" {
		t.Fatalf("CONFIG SET %s %s: %s", name, value, answer)
	}
}

func letRedisForget(t testing.TB, p *Patient) { p.set(t, "maxmemory-policy", "allkeys-lru") }

// Redis is given more memory, and refuses what is beyond it as before.
func giveRedisMore(t testing.TB, p *Patient) { p.set(t, "maxmemory", fmt.Sprint(2*maxMemory)) }

func unboundRedis(t testing.TB, p *Patient) { p.set(t, "maxmemory", "0") }

// Redis is given less, which it does not need.
func giveRedisLess(t testing.TB, p *Patient) { p.set(t, "maxmemory", fmt.Sprint(maxMemory/4)) }

// Redis stops writing its append-only file, and crashes after it acknowledged more: it comes back without that.
func crashWithoutItsFile(t testing.TB, p *Patient) {
	p.set(t, "appendonly", "no")
	p.send(t, "lost", 20)
	p.awaitCounted(t, 120)
	p.Redis.Kill()
	p.Redis.Start()
}

// The file has all that was acknowledged.
func crashWithItsFile(t testing.TB, p *Patient) {
	p.send(t, "kept", 20)
	p.awaitCounted(t, 120)
	p.Redis.Kill()
	p.Redis.Start()
	p.awaitHealth(t)
}

// awaitCounted waits until stats has seen that many accepted events.
func (p *Patient) awaitCounted(t testing.TB, events int) {
	t.Helper()
	stack.Await(t, fmt.Sprintf("stats counts %d events", events), func() (int, bool) {
		var stats struct{ Totals struct{ Accepted int } }
		p.gateway.GetJSON("/api/stats", &stats)
		return stats.Totals.Accepted, stats.Totals.Accepted >= events
	})
}
