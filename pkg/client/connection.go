package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
)

// lastWords is how long a close code may take to be read when writing has failed: it says why. And how long a client
// that is closed waits for the gateway to agree.
const lastWords = time.Second

// connection is one connection of the session. Only its reader uses what is below the line.
type connection struct {
	*Client
	ws       *websocket.Conn
	patience time.Duration

	drained *later    // what the gateway wished when it began to go away
	until   time.Time // when it is left if it has not gone by then
}

// connect carries the session over one connection, until that ends. Its error may be told.
func (c *Client) connect(ctx context.Context) error {
	session, next := c.queue.rewind()
	ws, hello, err := c.dial(ctx, session, next)
	if err == nil {
		defer ws.CloseNow()
		c.greeted(hello, session, next)
		err = (&connection{Client: c, ws: ws, patience: hello.patience()}).carry(ctx)
	}
	err = c.tell(err, session)
	c.update(func(s *State) { s.Connected, s.Slow, s.Draining, s.Err = false, "", false, err })
	return err
}

// greeted notes what the gateway said of itself and of the session.
func (c *Client) greeted(hello message, session string, next uint64) {
	hello.Incarnation = clip(hello.Incarnation, longestText)
	if hello.Incarnation == "" { // not told
		hello.Incarnation = c.State().Incarnation
	}
	c.queue.setLimits(hello)
	c.compare(hello, session, next)
	c.update(func(s *State) {
		s.Connected, s.Err = true, nil
		s.Incarnation, s.Durability = hello.Incarnation, clip(hello.Durability, 100)
		s.Connections++
	})
}

// carry reads and writes until the connection ends.
func (k *connection) carry(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return k.read(ctx) })
	group.Go(func() error {
		err := k.write(ctx)
		if errors.Is(err, errLeave) {
			_ = k.ws.Close(websocket.StatusNormalClosure, "") // it may have gone before us
			return err
		}
		sleep(ctx, lastWords)
		return err
	})
	err := group.Wait()
	if k.drained != nil && !errors.Is(err, ErrRefused) {
		k.drained.error = err
		return k.drained
	}
	return err
}

// read takes the gateway's messages until the connection ends.
func (k *connection) read(ctx context.Context) error {
	for {
		deadline := time.Now().Add(k.patience)
		if k.drained != nil && k.until.Before(deadline) {
			deadline = k.until
		}
		patient, cancel := context.WithDeadline(ctx, deadline)
		m, err := receive(patient, k.ws)
		cancel()
		if err != nil {
			return ended(err)
		}
		if err := k.hear(m); err != nil {
			return err
		}
	}
}

func (k *connection) hear(m message) error {
	switch m.Type {
	case "ack":
		return k.acknowledged(m.Seq)
	case "error":
		if m.Seq == 0 { // a frame refused whole has no numbers: those that follow it would be mistaken
			return fmt.Errorf("%w: a frame was refused whole: %s: %s", ErrRefused, clip(m.Code, 100), m.Message)
		}
		return k.queue.refuse(m.refusal())
	case "slow":
		k.queue.setSlow(true)
		k.update(func(s *State) { s.Slow = clip(m.Code, 100) })
	case "go":
		k.queue.setSlow(false)
		k.update(func(s *State) { s.Slow = "" })
	case "draining":
		k.hearDraining(m)
	}
	return nil
}

// acknowledged calls back for what is decided now.
func (k *connection) acknowledged(n uint64) error {
	decided, err := k.queue.ack(n)
	if err != nil || len(decided) == 0 {
		return err
	}
	events := 0
	for i := range decided {
		decided[i].decide()
		events += decided[i].Events
	}
	k.queue.tellOf(events)
	return nil
}

// hearDraining sends no more: what was sent is still acknowledged, and then either side closes.
func (k *connection) hearDraining(m message) {
	if k.drained == nil {
		k.drained = &later{after: wish(m.ReconnectAfterMS, time.Millisecond), instead: true}
		k.until = time.Now().Add(k.patience)
		k.update(func(s *State) { s.Draining = true })
		k.queue.drain()
	}
}

// write sends what is queued until the connection ends.
func (k *connection) write(ctx context.Context) error {
	var b batch
	for {
		if err := k.queue.next(ctx, &b); err != nil {
			return err
		}
		if err := k.ws.Write(ctx, websocket.MessageText, b.bytes()); err != nil {
			return err
		}
	}
}
