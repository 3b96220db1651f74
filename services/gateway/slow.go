package gateway

import (
	"context"
	"time"
)

// hindrance is what a connection knows of what keeps it from being read; the window's lock guards it.
type hindrance struct {
	// why is the code for which its frame is held back now; nil: none is.
	why func() string
	// told is the code that the client was last told with slow; empty: go.
	told string
	// said says that slow is told at once from now on: the frame has waited long enough.
	said bool
}

// holdBack runs a wait of a frame. Meanwhile nothing is read, so TCP pushes back; a named session is told why, if it
// takes long. A peer that waits can't show that it lives, so its pong deadline is suspended; but one that the
// heartbeat's message does not reach has gone, and its frame goes with it.
func (c *connection) holdBack(wait func(ctx context.Context) error) error {
	c.socket.unheard.Add(1)
	defer c.socket.unheard.Add(1)
	ctx, end := c.whileWhole(c.gateway.taking)
	defer end()
	if !c.named {
		return wait(ctx)
	}
	t := time.AfterFunc(slowAfter, c.saySlow)
	err := wait(ctx)
	t.Stop()
	c.relieved(err == nil)
	return err
}

// hinder notes why the frame is held back.
func (c *connection) hinder(why func() string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hindrance.why = why
	if c.hindrance.said {
		c.tell(why())
	}
}

// saySlow tells why the frame is held back, now and at each change.
func (c *connection) saySlow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hindrance.why == nil {
		return // it is not, any more
	}
	c.hindrance.said = true
	code := c.hindrance.why()
	c.gateway.metrics.held(code, outcomeHeld, 1)
	c.tell(code)
}

// relieved ends the hindrance of a frame. The client hears that it may go on, unless the gate was shut meanwhile.
func (c *connection) relieved(taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hindrance.why, c.hindrance.said = nil, false
	if taken && c.gateway.gate.shut.Load() == nil {
		c.tell("")
	}
}

// tell says slow with a code, or go without one, if it has not been said; the window is locked.
func (c *connection) tell(code string) {
	if c.hindrance.told == code {
		return
	}
	c.hindrance.told = code
	if code == "" {
		c.note(messageGo)
	} else {
		c.note(appendSlow(nil, code))
	}
	c.wake()
}

// explain tells a named session whose frame is held back the reason again, if it is another one now.
func (c *connection) explain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hindrance.said && c.hindrance.why != nil {
		c.tell(c.hindrance.why())
	}
}

// hearGate tells a named session that the gate is shut, before it sends anything that would have to be held back; or
// that it is open, unless its frame waits for something else. The gate is looked at under the lock: of two that come
// here the later one says how it is.
func (c *connection) hearGate() {
	if !c.named {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch shut := c.gateway.gate.shut.Load(); {
	case shut != nil:
		c.tell(shut.Code)
	case c.hindrance.why == nil:
		c.tell("")
	}
}

// hearGate tells everyone.
func (cs *connections) hearGate() { cs.each((*connection).hearGate) }

// explain tells everyone who is held back why.
func (cs *connections) explain() { cs.each((*connection).explain) }

func (cs *connections) each(do func(*connection)) {
	for spoke := range spokes {
		for _, c := range cs.at(spoke) {
			do(c)
		}
	}
}
