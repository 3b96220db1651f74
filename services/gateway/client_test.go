package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/client"
	"millrace.dev/pkg/stream/streamtest"
)

// cutter is a bad network: it carries bytes to a server and cuts each connection after a random number of them.
type cutter struct {
	net.Listener
	to   func() string
	rand *rand.Rand

	mu   sync.Mutex
	cuts int
	wg   sync.WaitGroup
}

func newCutter(t *testing.T, seed uint64, to func() string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, to: to, rand: rand.New(rand.NewPCG(seed, 3))}
	c.wg.Go(c.serve)
	t.Cleanup(func() {
		_ = l.Close()
		c.wg.Wait()
	})
	return c
}

func (c *cutter) serve() {
	for {
		from, err := c.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", c.to())
		if err != nil {
			_ = from.Close()
			continue
		}
		c.wg.Go(func() { c.carry(to, from, 500+c.upTo(100_000)) })
		c.wg.Go(func() { c.carry(from, to, 500+c.upTo(20_000)) })
	}
}

func (c *cutter) upTo(n int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rand.Int64N(n)
}

// carry copies as many bytes as are allowed, and then ends both ways at once.
func (c *cutter) carry(to, from net.Conn, bytes int64) {
	n, _ := io.CopyN(to, from, bytes)
	_ = from.Close()
	_ = to.Close()
	if n == bytes {
		c.mu.Lock()
		c.cuts++
		c.mu.Unlock()
	}
}

// publisher is a client of the real gateway whose Run is under way until the test ends.
func publisher(t *testing.T, url string, change func(*client.Config)) *client.Client {
	t.Helper()
	config := client.Config{
		URL: url, Window: 500, RetryLeast: time.Millisecond, RetryMost: 20 * time.Millisecond,
		HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Log:  slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&config)
	}
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run returns %v", err)
		}
	})
	return c
}

// publish sends events first..last in frames of random length, one in 50 of them invalid; it returns the ids of the
// valid ones and the numbers of the others.
func publish(t *testing.T, c *client.Client, r *rand.Rand, first, last int, decided func(client.Frame, error)) (ids []string, invalids []uint64) {
	t.Helper()
	for n := first; n <= last; {
		var frame []json.RawMessage
		for range min(1+r.IntN(20), last-n+1) {
			if r.IntN(50) == 0 {
				frame = append(frame, json.RawMessage(invalid))
				invalids = append(invalids, uint64(n))
			} else {
				id := fmt.Sprint("e", n)
				ids = append(ids, id)
				frame = append(frame, json.RawMessage(with(id, fmt.Sprint("k", n%11))))
			}
			n++
		}
		b, err := json.Marshal(frame)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.PublishFrame(t.Context(), b, len(frame), decided); err != nil {
			t.Fatal(err)
		}
	}
	return ids, invalids
}

// What a client publishes is stored once, over a network that cuts its connections at random.
func TestExactlyOnceOverBadNetwork(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		network := newCutter(t, 1, func() string { return g.addr })
		var mu sync.Mutex
		var refused []uint64
		c := publisher(t, "ws://"+network.Addr().String()+"/ws", nil)
		ids, invalids := publish(t, c, rand.New(rand.NewPCG(1, 1)), 1, 10_000, func(_ client.Frame, err error) {
			mu.Lock()
			defer mu.Unlock()
			refusals, _ := errors.AsType[client.Refusals](err)
			for _, r := range refusals {
				refused = append(refused, r.Number)
			}
		})
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.expectOnce(ids...)
		mu.Lock()
		defer mu.Unlock()
		if fmt.Sprint(refused) != fmt.Sprint(invalids) {
			t.Errorf("refused are %v, invalid were %v", refused, invalids)
		}
		if s := c.State(); s.Connections < 5 || s.Lost != 0 {
			t.Errorf("%d cuts, the state is %+v", network.cuts, s)
		}
	})
}

// A gateway that stops hands its sessions to the next one: nothing is missing, nothing is there twice.
func TestExactlyOnceOverRestarts(t *testing.T) {
	srv := streamtest.Redis(t)
	var mu sync.Mutex
	g := startGateway(t, srv, nil)
	addr := func() string {
		mu.Lock()
		defer mu.Unlock()
		return g.addr
	}
	network := newCutter(t, 2, addr)
	c := publisher(t, "ws://"+network.Addr().String()+"/ws", nil)
	r := rand.New(rand.NewPCG(2, 2))
	var ids []string
	for round := range 4 {
		more, _ := publish(t, c, r, 1+round*1000, (round+1)*1000, nil)
		ids = append(ids, more...)
		next := startGateway(t, srv, nil)
		mu.Lock()
		before := g
		g = next
		mu.Unlock()
		before.end() // with events of the window on their way
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.expectOnce(ids...)
	if s := c.State(); s.Connections < 5 || s.Lost != 0 {
		t.Errorf("the state is %+v", s)
	}
}
