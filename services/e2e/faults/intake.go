package faults

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/services/e2e/stack"
)

// rated is how long it takes until rates are told of what a process does from its start on: they are over 5 s.
const rated = 7 * time.Second

// A worker's handler hangs, and a gateway has marks that are soon passed.
func fallBehindTheMarks(t testing.TB, p *Patient) {
	p.Gateway("--slow-lag=1s", "--stop-lag=2s").AwaitReady()
	hangAHandler(t, p)
}

// A handler is slow, and stays before the marks.
func stayBeforeTheMarks(t testing.TB, p *Patient) {
	p.Gateway("--slow-lag=1m", "--stop-lag=2m").AwaitReady()
	slowAHandler(t, p)
}

// Redis no longer fsyncs each write, which a gateway has promised.
func breakAPromise(t testing.TB, p *Patient) {
	p.Gateway("--durability=fsynced").AwaitReady()
	p.set(t, "appendfsync", "everysec")
}

// Redis still does what was promised.
func keepAPromise(t testing.TB, p *Patient) {
	p.Gateway("--durability=stored").AwaitReady()
	p.set(t, "appendfsync", "everysec")
}

func valid(events int) []byte { return stack.Events("anonymous", 1, events) }

func invalid(events int) []byte {
	return append(append([]byte(`[`), bytes.Repeat([]byte(`{"type":7},`), events-1)...), `{"type":7}]`...)
}

func dropTheOldest(t testing.TB, p *Patient) {
	p.flood(t, 0, valid(300), "--buffer-events=1000", "--buffer-policy=drop_oldest")
}

// A gateway that would drop has no need to.
func dropNothing(t testing.TB, p *Patient) {
	p.flood(t, 100*time.Millisecond, valid(10), "--buffer-events=1000", "--buffer-policy=drop_oldest")
	stack.Last(t, rated)
}

func refuseForRoom(t testing.TB, p *Patient) {
	p.flood(t, 0, valid(300), "--buffer-events=1000", "--buffer-policy=reject")
}

func refuseNothing(t testing.TB, p *Patient) {
	p.flood(t, 100*time.Millisecond, valid(10), "--buffer-events=1000", "--buffer-policy=reject")
	stack.Last(t, rated)
}

func exceedALimit(t testing.TB, p *Patient) {
	p.flood(t, 50*time.Millisecond, valid(10), "--limit-events-per-credential=20")
}

func stayWithinALimit(t testing.TB, p *Patient) {
	p.flood(t, 50*time.Millisecond, valid(10), "--limit-events-per-credential=5000")
	stack.Last(t, rated)
}

func sendManyInvalid(t testing.TB, p *Patient) { p.flood(t, 50*time.Millisecond, invalid(10)) }

// Among many valid events a few are not.
func sendFewInvalid(t testing.TB, p *Patient) {
	one := append(append([]byte(nil), valid(200)[:len(valid(200))-1]...), `,{"type":7}]`...)
	p.flood(t, 50*time.Millisecond, one)
	stack.Last(t, rated)
}

// flood sends a frame again and again to a gateway that is started for it, over a few anonymous connections, until the
// test ends; each waits for the pause between two.
func (p *Patient) flood(t testing.TB, pause time.Duration, frame []byte, flags ...string) {
	t.Helper()
	g := p.Gateway(flags...)
	g.AwaitReady()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
	for range 3 {
		ws, _, err := websocket.Dial(t.Context(), g.WebSocket(), nil)
		if err != nil {
			t.Fatal(err)
		}
		ws.SetReadLimit(-1)
		wg.Go(func() {
			defer ws.CloseNow()
			for ctx.Err() == nil {
				if _, _, err := ws.Read(ctx); err != nil {
					return
				}
			}
		})
		wg.Go(func() { repeat(ctx, pause, func() error { return ws.Write(ctx, websocket.MessageText, frame) }) })
	}
}

// repeat does something until ctx ends or it fails.
func repeat(ctx context.Context, pause time.Duration, do func() error) {
	tick := time.NewTicker(max(pause, 1))
	defer tick.Stop()
	for do() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func askUnderAnotherName(t testing.TB, p *Patient) { p.ask(t, "rebound.example") }

func askUnderItsName(t testing.TB, p *Patient) {
	p.ask(t, "localhost")
	stack.Last(t, rated)
}

// ask asks the gateway under a name until the test ends.
func (p *Patient) ask(t testing.TB, host string) {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
	url := p.gateway.URL("/api/stats")
	wg.Go(func() {
		repeat(ctx, 50*time.Millisecond, func() error {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			r.Host = host
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				return err
			}
			return answer.Body.Close()
		})
	})
}
