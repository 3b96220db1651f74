package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/produce"
)

const (
	// frameTimeout is how long a frame may take to arrive once it has begun.
	frameTimeout = 30 * time.Second
	// skipBytes is how much of a frame that is too long is read past, so that the connection can go on.
	skipBytes = 64 << 20
	// unwritten is how many messages may wait for a peer that doesn't read them, before it isn't read either.
	unwritten = 1000
)

// read takes frames until the connection ends. The context of the reader is Background on purpose: one that
// can be cancelled costs 40 % more CPU an event. CloseNow or a read deadline ends it.
func (c *connection) read() closing {
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return lost(err)
		}
		if end := c.frame(kind, r); end != open {
			return end
		}
		if c.behind {
			c.waitForWriter() // with no frame in its hands: many who don't read would hold as many
		}
		c.cool()
		if c.dismissed.Load() != nil { // what is read ahead is not taken any more
			return gone
		}
		if c.gateway.draining() {
			return goingAway
		}
	}
}

// frame reads, decodes and takes one frame.
func (c *connection) frame(kind websocket.MessageType, r io.Reader) closing {
	f := getFrame()
	defer putFrame(f)
	limits := c.gateway.config.Limits
	err := c.receive(f, r, limits.FrameBytes)
	switch {
	case errors.Is(err, errTooLong):
		return c.refuseFrame(f, tooLong(limits.FrameBytes), websocket.StatusMessageTooBig)
	case errors.Is(err, errEndless):
		c.refuseFrame(f, tooLong(limits.FrameBytes), websocket.StatusMessageTooBig)
		return closing{websocket.StatusMessageTooBig, event.CodeTooLarge}
	case errors.Is(err, context.Canceled): // nobody waits for it any more
		return gone
	case err != nil: // it did not arrive whole
		return lost(err)
	case kind != websocket.MessageText:
		return c.refuseFrame(f, event.Refuse(event.CodeInvalidJSON, "it is a binary frame: JSON is sent as text"), websocket.StatusUnsupportedData)
	}
	if err := f.DecodeJSON(f.bytes, limits); err != nil {
		return c.refuseFrame(f, asRefusal(err), closeCode(err))
	}
	return c.take(f)
}

// receive reads a frame, within frameTimeout if it is not all here.
func (c *connection) receive(f *frame, r io.Reader, limit int) error {
	c.socket.expect(frameTimeout)
	defer c.keepReading()
	err := f.fill(r, min(limit, smallFrame))
	if errors.Is(err, errTooLong) && limit > smallFrame {
		if err = c.awaitMemory(f, limit); err == nil {
			err = f.more(r, limit)
			f.repay()
		}
	}
	if !errors.Is(err, errTooLong) {
		return err
	}
	switch n, skipErr := io.Copy(io.Discard, io.LimitReader(r, skipBytes)); {
	case skipErr != nil:
		return skipErr
	case n == skipBytes:
		return errEndless
	}
	return err
}

// awaitMemory waits until there is memory for a large frame: as many are read at a time as fit into --buffer-bytes. So
// many peers that send large frames slowly make each other wait, and nobody who sends small ones. A named session waits
// for the gate and for its rates first, as long as its frame needs no memory.
func (c *connection) awaitMemory(f *frame, limit int) error {
	g := c.gateway
	if !c.named && f.borrow(g.large, limit) {
		return nil
	}
	c.keepReading() // it is not the peer that takes its time now
	defer c.socket.expect(frameTimeout)
	return c.holdBack(func(ctx context.Context) error {
		if c.named {
			if err := c.awaitTurn(ctx); err != nil {
				return err
			}
		}
		if f.borrow(g.large, limit) {
			return nil
		}
		c.hinder(g.trouble.now)
		return f.awaitLoan(ctx, g.large, limit)
	})
}

// errEndless: a frame is so long that the connection can't go on behind it.
var errEndless = errors.New("frame without end")

// lost is how a connection ends that can't be read any more. The peer is gone, or as good as gone, and may reconnect;
// unless it broke the protocol: then it must not.
func lost(err error) closing {
	var network net.Error
	switch {
	case websocket.CloseStatus(err) != -1, errors.As(err, &network),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return gone
	}
	return closing{websocket.StatusProtocolError, "this is not the WebSocket protocol"}
}

// keepReading takes the frame's deadline off, unless the drain has set one meanwhile.
func (c *connection) keepReading() {
	if !c.socket.ended() {
		return
	}
	_ = c.socket.SetReadDeadline(time.Time{})
	if c.gateway.draining() || c.dismissed.Load() != nil {
		c.stopReading()
	}
}

// refuseFrame refuses a frame whole. It uses up no number. A named session is closed with a code that
// forbids to reconnect, since its sender would send the same again.
func (c *connection) refuseFrame(f *frame, r *event.Refusal, code websocket.StatusCode) closing {
	c.gateway.refused(c.who, r, f.bytes, 1)
	c.say(errorMessage(0, r))
	c.who.Charge(time.Now(), 1, len(f.bytes)) // it cost as much as another
	if c.named {
		return closing{code, r.Code}
	}
	c.behind = true
	return open
}

// take numbers the events of a frame and puts the valid ones on their way.
func (c *connection) take(f *frame) closing {
	if c.last > produce.MaxNumber-uint64(len(f.Events)) {
		return closing{websocket.StatusPolicyViolation, "numbers end below 2^53: begin a new session"}
	}
	f.begin(c.who.source())
	refused, err := c.enter(f)
	if err != nil {
		return gone // serve knows if it is us who go
	}
	c.behind = c.number(f, refused)
	if refused != nil {
		c.cooling = min(cooling, retryAfter(refused))
	}
	return open
}

// cooling is how long a client that is refused is not read. To refuse an event costs more than to store it: who goes on
// as if nothing had been said is slowed by TCP, and costs others nothing.
const cooling = 100 * time.Millisecond

// cool lets that time pass, if there is any.
func (c *connection) cool() {
	if c.cooling == 0 {
		return
	}
	c.socket.unheard.Add(1)
	defer c.socket.unheard.Add(1)
	t := time.NewTimer(c.cooling)
	defer t.Stop()
	c.cooling = 0
	select {
	case <-t.C:
	case <-c.gateway.taking.Done():
	}
}

// number takes each event of a frame, of which the valid ones may be refused for now, and says whether too much is
// unwritten now.
func (c *connection) number(f *frame, refused *event.Refusal) (crowded bool) {
	c.mu.Lock()
	defer c.mu.Unlock() // a fault in here ends this connection, which needs the lock for that
	defer c.ring()
	var first *event.Span
	turned := 0
	for i := range f.Events {
		s := &f.Events[i]
		if refused != nil && s.Valid() {
			c.turnAway(c.last+1, refused)
			if turned++; first == nil {
				first = s
			}
			continue
		}
		c.event(s, &f.defaults)
	}
	if turned > 0 {
		c.gateway.refused(c.who, refused, first.Raw, turned)
	}
	c.wake()
	return len(c.notes) > unwritten
}

// event takes one event; the window is locked.
func (c *connection) event(s *event.Span, d *event.Defaults) {
	switch {
	case s.Control == event.Ping:
		c.note(messagePong)
	case s.Control == event.Pong:
	case s.Refused != nil:
		c.turnAway(c.last+1, s.Refused)
		c.gateway.refused(c.who, s.Refused, s.Raw, 1)
	default:
		c.gateway.accept(&c.producer, c.last+1, s, d)
	}
}

// turnAway gives an event its number and its refusal; the window is locked.
func (c *connection) turnAway(n uint64, why *event.Refusal) {
	c.refuse(n)
	c.queue(note{number: n, refusal: why})
}

// refuseDropped is what the sender of an event hears that was dropped.
var refuseDropped = event.Refuse(event.CodeDropped, "younger events needed its place in the buffer: send it again, slower.")

// noteDropped tells of one event that was dropped; the window is locked.
func (c *connection) noteDropped(n uint64) { c.queue(note{number: n, refusal: refuseDropped}) }

// waitForWriter stops reading a peer that sends what must be refused and doesn't read the refusals.
func (c *connection) waitForWriter() {
	c.mu.Lock()
	crowded := len(c.notes) > unwritten
	c.mu.Unlock()
	c.behind = false
	if !crowded {
		return
	}
	c.socket.unheard.Add(1)
	defer c.socket.unheard.Add(1)
	select {
	case <-c.quiet():
	case <-c.gateway.taking.Done():
	}
}

// stopReading ends the read that is under way; the connection can still be written to.
func (c *connection) stopReading() { _ = c.socket.SetReadDeadline(time.Unix(1, 0)) }

// asRefusal is the refusal in err; every error of a decoder is one.
func asRefusal(err error) *event.Refusal {
	if r, ok := errors.AsType[*event.Refusal](err); ok {
		return r
	}
	return event.Refuse(event.CodeInvalidJSON, "it can't be read: "+err.Error())
}

// closeCode is what a named session is closed with.
func closeCode(err error) websocket.StatusCode {
	switch asRefusal(err).Code {
	case event.CodeTooLarge, event.CodeTooManyEvents:
		return websocket.StatusMessageTooBig
	}
	return websocket.StatusInvalidFramePayloadData
}
