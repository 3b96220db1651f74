package gateway

import (
	"context"
	"time"

	"millrace.dev/pkg/event"
)

// What a full buffer does to events of those who can be refused; named sessions always wait.
const (
	policyBlock      = "block"       // their connection is not read, so TCP pushes back
	policyReject     = "reject"      // they are refused, to be sent again
	policyDropOldest = "drop_oldest" // the oldest of their kind that is not on its way is dropped, its sender told
)

// slowAfter is how long a frame is held back before a named session is told.
const slowAfter = 100 * time.Millisecond

// enter brings a frame of a connection in: through the gate, the sender's rates and the common pace, into the room. An
// anonymous one may be refused for now; a named session is not refused what can be taken later, so it waits, whatever
// for. The error is that the connection ends first.
func (c *connection) enter(f *frame) (refused *event.Refusal, err error) {
	g, asks := c.gateway, f.asks()
	if !c.named {
		if refused := g.refusal(c.who, asks); refused != nil {
			return refused, nil
		}
		if g.try(asks) {
			return nil, nil
		}
		return c.crowded(asks)
	}
	if asks.numbered == 0 { // pings
		return nil, nil
	}
	if g.gate.shut.Load() == nil || asks.events == 0 {
		wait := g.rated(c.who, asks.at, asks)
		if wait == 0 && g.try(asks) {
			return nil, nil
		}
		if wait == 0 { // it has been counted
			return nil, c.holdBack(func(ctx context.Context) error { return c.await(ctx, asks, true) })
		}
	}
	return nil, c.holdBack(func(ctx context.Context) error { return c.await(ctx, asks, false) })
}

// refusal says why somebody's events are refused for now, before anybody looks for room: the gate is shut, or the sender
// is over its rate. Nil: they are not.
func (g *Gateway) refusal(from *sender, asks asks) *event.Refusal {
	if shut := g.gate.shut.Load(); shut != nil && asks.events > 0 {
		return shut
	}
	if asks.numbered == 0 { // pings
		return nil
	}
	wait := g.rated(from, asks.at, asks)
	if wait == 0 {
		return nil
	}
	r := event.Refuse(event.CodeRateLimited, "more comes from here than the limit: send slower. GET /api/control says the limits.")
	r.RetryAfter = wait
	return r
}

// rated takes a frame from its sender's rates, or says how long that has to wait; where limits only count, it never does.
func (g *Gateway) rated(from *sender, now time.Time, asks asks) (wait time.Duration) {
	wait = from.Take(now, asks.numbered, asks.size)
	if wait > 0 && g.config.Rates.DryRun {
		g.metrics.held(event.CodeRateLimited, outcomeDryRun, asks.numbered)
		return 0
	}
	return wait
}

// try takes a frame from the common pace and takes room for it, if both can be had at once.
func (g *Gateway) try(asks asks) bool {
	if asks.events == 0 {
		return true
	}
	if !g.room.try(asks.events, asks.bytes) {
		return false
	}
	if g.pace(asks) == 0 {
		return true
	}
	g.room.release(asks.events, asks.bytes)
	return false
}

// crowded brings a frame of an anonymous connection in for which there is no room now, or no pace.
func (c *connection) crowded(asks asks) (refused *event.Refusal, err error) {
	g := c.gateway
	if g.config.BufferPolicy == policyReject {
		return g.full(), nil
	}
	if g.config.BufferPolicy == policyDropOldest && g.makeRoom(asks) {
		return nil, nil
	}
	err = c.holdBack(func(ctx context.Context) error { return g.awaitRoom(ctx, asks, nil) })
	if err == nil {
		refused = g.stillOpen(asks)
	}
	return refused, err
}

// stillOpen looks at the gate again after a wait for room. If it was shut meanwhile, the room is given back.
func (g *Gateway) stillOpen(asks asks) *event.Refusal {
	shut := g.gate.shut.Load()
	if shut != nil && asks.events > 0 {
		g.room.release(asks.events, asks.bytes)
		return shut
	}
	return nil
}

// full refuses because there is no room, and says what keeps what is there from being stored.
func (g *Gateway) full() *event.Refusal {
	r := event.Refuse(g.trouble.now(), "the buffer is full: try again. GET /debug/buffer says more.")
	r.RetryAfter = tryAgain
	return r
}

// await waits until a named session's frame can be taken; counted says that its rates have been taken from. When a wait
// ends, what was waited for before may not hold any more: so the gate is looked at again at the end.
func (c *connection) await(ctx context.Context, asks asks, counted bool) error {
	g := c.gateway
	for {
		if err := c.awaitGate(ctx, asks); err != nil {
			return err
		}
		if !counted {
			if err := c.awaitRate(ctx, asks); err != nil {
				return err
			}
			counted = true
		}
		if err := g.awaitRoom(ctx, asks, c.hinder); err != nil {
			return err
		}
		if g.stillOpen(asks) == nil {
			return nil
		}
	}
}

// awaitTurn waits, before a large frame is read, until the gate is open and its sender owes nothing.
func (c *connection) awaitTurn(ctx context.Context) error {
	if err := c.awaitGate(ctx, asks{events: 1}); err != nil {
		return err
	}
	for {
		changed := c.gateway.gate.change()
		wait := c.who.Debt(time.Now())
		if wait == 0 || c.gateway.config.Rates.DryRun {
			return nil
		}
		c.hinder(func() string { return event.CodeRateLimited })
		if err := sleepUnless(ctx, wait, changed); err != nil {
			return err
		}
	}
}

func (c *connection) awaitGate(ctx context.Context, asks asks) error {
	for {
		changed := c.gateway.gate.change()
		shut := c.gateway.gate.shut.Load()
		if shut == nil || asks.events == 0 {
			return nil
		}
		c.hinder(func() string { return shut.Code })
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// awaitRate waits until a frame is within its sender's rates, as they are now.
func (c *connection) awaitRate(ctx context.Context, asks asks) error {
	for {
		changed := c.gateway.gate.change()
		wait := c.gateway.rated(c.who, time.Now(), asks)
		if wait == 0 {
			return nil
		}
		c.hinder(func() string { return event.CodeRateLimited })
		if err := sleepUnless(ctx, wait, changed); err != nil {
			return err
		}
	}
}

// sleepUnless waits for d, or less if something else happens.
func sleepUnless(ctx context.Context, d time.Duration, something <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-something:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pace takes a frame's events from the common pace, or says how long they have to wait; while there is none, 0.
func (g *Gateway) pace(asks asks) time.Duration {
	if p := g.gate.pace.Load(); p != nil {
		return p.Take(time.Now(), asks.events)
	}
	return 0
}

// awaitRoom waits until the common pace lets a frame in and there is room for it.
func (g *Gateway) awaitRoom(ctx context.Context, asks asks, hinder func(why func() string)) error {
	if asks.events == 0 {
		return nil
	}
	if hinder == nil {
		hinder = func(func() string) {}
	}
	for {
		changed := g.gate.change()
		wait := g.pace(asks)
		if wait == 0 {
			break
		}
		hinder(func() string { return codeOverloaded })
		if err := sleepUnless(ctx, wait, changed); err != nil {
			return err
		}
	}
	if g.room.try(asks.events, asks.bytes) {
		return nil
	}
	hinder(g.trouble.now)
	return g.room.wait(ctx, asks.events, asks.bytes)
}
