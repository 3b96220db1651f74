package gateway

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/stream/control"
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

// Sessions that are over their rate wait before their large frames are read, and hold no memory that others need.
func TestLargeFramesOverTheRateHoldNoMemory(t *testing.T) {
	inBubble(t, 1, func(c *Config) { c.BufferBytes, c.Rates.BytesPerCredential = 2<<20, 1000 }, func(b *bubble) {
		large := `{"type":"t","data":"` + strings.Repeat("x", 100<<10) + `"}`
		b.gateway.meters.Sender(time.Now(), "", "").Take(time.Now(), 1, 2<<20)
		var held []*peer
		for i := range 5 {
			p := b.greeted(fmt.Sprintf("?session=session-%d-that-is-hard-to-guess&next=1", i))
			held = append(held, p)
			go func() { _ = p.ws.Write(b.Context(), 1, []byte(large)) }()
			p.expect("slow rate_limited")
		}
		if !b.gateway.large.TryAcquire(2 << 20) {
			t.Error("they hold memory while they wait")
		}
		b.gateway.large.Release(2 << 20)
		b.gateway.limit(map[control.Limit]float64{control.BytesPerCredential: 0})
		for _, p := range held {
			for p.next().String() != "ack 1" { // some are told that they wait for memory now
			}
		}
	})
}
