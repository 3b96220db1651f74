package gateway

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Peers that begin large frames and don't go on share a bounded memory: they make each other wait, and nobody who sends
// small ones; when they are cut, the next ones are read.
func TestLargeFramesShareTheirMemory(t *testing.T) {
	inBubble(t, 1, func(c *Config) { c.BufferBytes = 2 << 20 }, func(b *bubble) {
		large := `{"type":"t","data":"` + strings.Repeat("x", 100<<10) + `"}`
		half := masked(large)
		var slow []*rawPeer
		for range 5 {
			p := b.raw("")
			slow = append(slow, p)
			go func() { _, _ = p.Write(half[:len(half)/2]) }()
		}
		synctest.Wait()
		if n := b.gateway.large.TryAcquire(1); n {
			t.Error("there is memory left for more large frames")
		}
		small := b.greeted("")
		small.send(ev(1))
		small.expect("ack 1")
		patient := b.greeted(named(1))
		began := time.Now()
		sent := make(chan error, 1)
		go func() { sent <- patient.ws.Write(b.Context(), 1, []byte(large)) }()
		patient.skipPings("slow overloaded", "go", "ack 1")
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d < time.Second || d > 3*frameTimeout {
			t.Errorf("a large frame waited %v", d)
		}
		for _, p := range slow {
			_ = p.Close()
		}
		synctest.Wait()
		if !b.gateway.large.TryAcquire(2 << 20) {
			t.Error("memory was not given back")
		}
	})
}
