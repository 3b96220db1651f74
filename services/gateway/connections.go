package gateway

import (
	"context"
	"sync"
	"time"
)

// spokes is how many groups the heartbeat goes round in: 10,000 pings are spread over the whole interval.
const spokes = 30

// pongTimeout is how long a peer may take to answer a protocol ping.
const pongTimeout = 10 * time.Second

// refreshEvery is how often an open connection keeps the marks of its session for another life; twice in that life,
// if it is short.
const refreshEvery = time.Hour

// connections are the WebSockets that are open: who waits for their goroutines, pings them, and ends them.
type connections struct {
	wg sync.WaitGroup

	mu     sync.Mutex
	wheel  [spokes]map[*connection]struct{}
	next   int
	open   int
	closed bool // no more are let in
}

// add lets a connection in and serves it, or returns false: the gateway is going away.
func (cs *connections) add(c *connection) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		return false
	}
	c.slot = cs.next
	cs.next = (cs.next + 1) % spokes
	if cs.wheel[c.slot] == nil {
		cs.wheel[c.slot] = map[*connection]struct{}{}
	}
	cs.wheel[c.slot][c] = struct{}{}
	cs.open++
	cs.wg.Go(c.serve)
	return true
}

func (cs *connections) remove(c *connection) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.wheel[c.slot], c)
	cs.open--
}

// count is how many are open.
func (cs *connections) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.open
}

// at returns the connections of one spoke.
func (cs *connections) at(spoke int) []*connection {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	all := make([]*connection, 0, len(cs.wheel[spoke]))
	for c := range cs.wheel[spoke] {
		all = append(all, c)
	}
	return all
}

// shut lets nobody in any more and returns those that are open.
func (cs *connections) shut() []*connection {
	cs.mu.Lock()
	cs.closed = true
	cs.mu.Unlock()
	var all []*connection
	for spoke := range spokes {
		all = append(all, cs.at(spoke)...)
	}
	return all
}

// beat turns the wheel until ctx ends: each connection is pinged once an interval.
func (cs *connections) beat(ctx context.Context, interval time.Duration) error {
	var pings sync.WaitGroup
	defer pings.Wait()
	t := time.NewTicker(interval / spokes)
	defer t.Stop()
	for spoke := 0; ; spoke = (spoke + 1) % spokes {
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		for _, c := range cs.at(spoke) {
			pings.Go(c.beat)
		}
	}
}

// beat pings the peer twice: with a message, which browsers can see, and with a protocol ping, which its
// WebSocket answers by itself. A peer that doesn't answer is cut off, unless it was us who didn't read, or its
// answer comes behind a frame that is on its way: those have a deadline of their own. One that is held back
// is told all the same that we live.
func (c *connection) beat() {
	if !c.beating.CompareAndSwap(false, true) {
		return // the last ping still waits for its answer
	}
	defer c.beating.Store(false)
	c.refresh()
	c.say(messagePing)
	unheard := c.socket.unheard.Load()
	if unheard%2 == 1 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), pongTimeout)
	defer cancel()
	if err := c.ws.Ping(ctx); err != nil && c.socket.unheard.Load() == unheard {
		c.gateway.log.Debug("a peer does not answer pings", "error", err.Error())
		c.ws.CloseNow()
	}
}

// refresh keeps the marks of a named session for another life.
func (c *connection) refresh() {
	if !c.named || time.Since(c.refreshed) < min(refreshEvery, c.gateway.config.SessionTTL/2) {
		return
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), pongTimeout)
	defer cancel()
	if err := c.session.Refresh(ctx); err != nil {
		c.gateway.log.Warn("keeping a session", "error", err.Error())
		return // again at the next beat
	}
	c.refreshed = begun
}

// drain tells every client that this gateway is going away, stops reading, and returns when all that was taken
// is decided and said, or ctx ends: then the rest is cut off, and was not acknowledged.
func (cs *connections) drain(ctx context.Context) {
	all := cs.shut()
	for _, c := range all {
		c.leave()
		c.stopReading()
	}
	ended := make(chan struct{})
	go func() { cs.wg.Wait(); close(ended) }()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	for _, c := range cs.shut() {
		c.fail()
	}
	<-ended
}
