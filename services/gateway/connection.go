package gateway

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/produce"
)

// connection is one WebSocket. One goroutine reads it as long as it lives; another writes, but lives only
// while there is something to write. What is below the window is guarded by the window's lock.
type connection struct {
	producer
	gateway   *Gateway
	ws        *websocket.Conn
	socket    *socket
	named     bool
	who       *sender
	hindrance hindrance
	// behind says that refusals may wait to be written which the peer does not read. It belongs to the reader.
	behind bool
	// cooling is how long it is not read now, since its events were refused. It belongs to the reader, too.
	cooling time.Duration
	// dismissed says how the connection ends, when it must not go on as it was opened.
	dismissed atomic.Pointer[closing]

	// notes are messages to be written, in order; acknowledged is the last number that was.
	notes        []note
	acknowledged uint64
	writing      bool
	broken       bool          // nothing can be written any more
	leaving      bool          // the peer was told that the gateway goes away
	relief       chan struct{} // closed when everything is written and decided; made by who waits for it
	giveUp       func()        // ends the wait of a frame that is held back; nil: none is

	// beating is set while the peer is being pinged.
	beating atomic.Bool
	// slot is the connection's place on the heartbeat wheel.
	slot int
	// refreshed is when the marks of a named session were last kept for another life.
	refreshed time.Time
}

func newConnection(g *Gateway, ws *websocket.Conn, s *socket, who *sender, name string) *connection {
	c := &connection{gateway: g, ws: ws, socket: s, who: who}
	c.home = g.partitionOf([]byte(name))
	c.news, c.lost = c.wake, c.noteDropped
	return c
}

// resume makes it the connection of a named session whose next event has that number.
func (c *connection) resume(s *produce.Session, next uint64) {
	c.session, c.named = s, true
	c.places = make([]place, len(c.gateway.partitions))
	c.last, c.acked, c.acknowledged = next-1, next-1, next-1
	c.refreshed = time.Now()
}

// serve reads until the connection ends or the gateway drains. A hijacked connection is not covered by
// net/http's recover, so it has its own: a fault in a decoder may end one connection, never the process.
func (c *connection) serve() {
	defer c.who.Close()
	defer c.gateway.connections.remove(c)
	defer c.fail() // nobody begins to write after this
	defer func() {
		if fault := recover(); fault != nil {
			c.gateway.log.Error("a connection failed", "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
			c.ws.Close(websocket.StatusInternalError, "internal error")
		}
	}()
	c.greet()
	defer c.gateway.keys.OnRevoke(c.who.credential, func() { c.dismiss(&keyRevoked) })()
	end := c.read()
	switch { // it was us who ended the read
	case end == gone && c.dismissed.Load() != nil:
		end = *c.dismissed.Load()
	case end == gone && c.gateway.draining():
		end = goingAway
	}
	if end == goingAway {
		c.leave()
	}
	c.finish(end)
}

// finish ends a connection that this side ends: what was taken is decided and said first.
func (c *connection) finish(end closing) {
	if end == gone {
		return
	}
	within := c.gateway.config.Grace
	if end == keyRevoked {
		within = min(within, revokedGrace)
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	select {
	case <-c.quiet():
	case <-ctx.Done():
	}
	// The library bounds the wait for the peer's answer, but not for the rest of a frame before it.
	_ = c.socket.SetReadDeadline(time.Now().Add(closeTimeout))
	_ = c.ws.Close(end.code, end.reason)
}

// closeTimeout is how long a peer may take to agree that the connection ends.
const closeTimeout = 10 * time.Second

// closing is how a connection ends.
type closing struct {
	code   websocket.StatusCode
	reason string
}

// Endings without a close code of ours, and the one that every connection gets in a drain. Clients go by the
// code: 1002, 1003, 1007, 1008, 1009 and 4500-4999 mean do not reconnect, any other means do.
var (
	open       = closing{}
	gone       = closing{code: websocket.StatusAbnormalClosure}
	goingAway  = closing{websocket.StatusServiceRestart, "the gateway is going away: reconnect"}
	keyRevoked = closing{websocket.StatusPolicyViolation, access.ErrRevoked.Error()}
	weaker     = closing{websocket.StatusServiceRestart, "acknowledgements survive less than hello said: reconnect"}
)

// revokedGrace is how long what was taken may take to be acknowledged after its key was revoked. It is stored anyway.
const revokedGrace = 500 * time.Millisecond

// dismiss ends a connection that must not go on: nothing is read from then on, not even what is held back.
func (c *connection) dismiss(end *closing) {
	c.dismissed.CompareAndSwap(nil, end)
	c.stopReading()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.giveUp != nil {
		c.giveUp()
	}
}

// greet begins to write. The greeting was queued before anybody else could say anything: it is the first message.
func (c *connection) greet() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake()
}

// say queues a message.
func (c *connection) say(message []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(message)
	c.wake()
}

// leave tells the peer, once, that this gateway is going away.
func (c *connection) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.leaving {
		c.leaving = true
		c.note(appendDraining(nil, reconnectAfter))
		c.wake()
	}
}

// note is a message to be written: a text, or the refusal of an event, which becomes one when its turn comes. So what
// waits for a peer that does not read is small.
type note struct {
	text    []byte
	number  uint64
	refusal *event.Refusal
}

// note queues a message; the window is locked.
func (c *connection) note(message []byte) { c.queue(note{text: message}) }

func (c *connection) queue(n note) {
	if !c.broken {
		c.notes = append(c.notes, n)
	}
}

// wake starts the writer if there is something to write and none is at it; the window is locked.
func (c *connection) wake() {
	if c.writing || c.broken || !c.pendingWrites() {
		c.relieve()
		return
	}
	c.writing = true
	c.gateway.connections.wg.Go(c.write)
}

func (c *connection) pendingWrites() bool { return len(c.notes) > 0 || c.acked > c.acknowledged }

// write writes what there is to say and ends: errors first, then the ack that covers them.
func (c *connection) write() {
	for m := c.message(); m != nil; m = c.message() {
		if err := c.ws.Write(context.Background(), websocket.MessageText, m); err != nil {
			c.socket.abort()
			c.fail()
			return
		}
	}
}

// message is the next one to write, or nil: then the writer has ended.
func (c *connection) message() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.broken:
	case len(c.notes) > 0:
		n := c.notes[0]
		c.notes = c.notes[1:]
		if n.refusal != nil {
			return errorMessage(n.number, n.refusal)
		}
		return n.text
	case c.acked > c.acknowledged:
		c.acknowledged = c.acked
		return appendAck(make([]byte, 0, 48), c.acked)
	}
	c.notes = nil
	c.writing = false
	c.relieve()
	return nil
}

// fail gives up on a peer that can't be written to.
func (c *connection) fail() {
	c.mu.Lock()
	c.broken, c.writing, c.notes = true, false, nil
	c.relieve()
	if c.giveUp != nil {
		c.giveUp()
	}
	c.mu.Unlock()
	c.ws.CloseNow()
}

// whileWhole returns a context that ends when the peer can't be written to any more or is dismissed, or ctx does.
func (c *connection) whileWhole(ctx context.Context) (whole context.Context, end func()) {
	whole, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.giveUp = cancel
	if c.broken || c.dismissed.Load() != nil {
		cancel()
	}
	return whole, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		cancel()
		c.giveUp = nil
	}
}

// quiet is closed as soon as all that was taken is decided and all that was to be said is written.
func (c *connection) quiet() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.relief == nil {
		c.relief = make(chan struct{})
	}
	relief := c.relief
	c.relieve()
	return relief
}

// relieve ends the wait of quiet when its time has come; the window is locked.
func (c *connection) relieve() {
	if c.relief == nil || !c.broken && (c.writing || c.pendingWrites() || !c.empty()) {
		return
	}
	close(c.relief)
	c.relief = nil
}
