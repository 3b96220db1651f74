package client

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run keeps a connection until ctx ends or the client is closed, and then returns nil; or until the gateway forbids to
// go on: ErrRefused. It is called once, unless the client came from Open.
func (c *Client) Run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return errors.New("the client has been run before")
	}
	if c.life.Err() != nil {
		close(c.ran)
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(c.life, stop)()
	return c.run(ctx)
}

// run is Run, in whoever's goroutine. What is not decided at its end never will be.
func (c *Client) run(ctx context.Context) error {
	defer close(c.ran)
	err := c.reconnect(ctx)
	if err != nil {
		c.end(err)
		return err
	}
	c.end(ErrClosed)
	return nil
}

func (c *Client) end(err error) {
	undecided := c.queue.end(err)
	for i := range undecided {
		undecided[i].finish(err)
	}
}

func (c *Client) reconnect(ctx context.Context) error {
	wait := retry{least: c.config.RetryLeast, most: c.config.RetryMost}
	for ctx.Err() == nil {
		began := time.Now()
		err := c.connect(ctx)
		switch {
		case ctx.Err() != nil, c.queue.finished():
			return nil
		case errors.Is(err, ErrRefused):
			return err
		case c.queue.isRenewed():
			continue // it was us who left
		}
		pause := wait.pause(err, time.Since(began))
		c.logLost(err, pause)
		sleep(ctx, pause)
	}
	return nil
}

func (c *Client) logLost(err error, pause time.Duration) {
	in := pause.Round(time.Millisecond).String()
	if l, ok := errors.AsType[*later](err); ok && l.instead {
		c.config.Log.Info("the gateway goes away", "reconnect_in", in)
		return
	}
	c.config.Log.Warn("connection lost; what is not acknowledged will be sent again", "error", err, "retry_in", in)
}

// Close takes no more events, waits until what was published is decided, and ends the client. If ctx ends first, the
// client ends all the same, and the error says how many events are undecided: their callbacks hear ErrClosed. When Close
// has returned, no goroutine and no callback of the client is running. Closing again returns the same.
func (c *Client) Close(ctx context.Context) error {
	c.closing.Do(func() { c.closed = c.close(ctx) })
	return c.closed
}

func (c *Client) close(ctx context.Context) error {
	c.queue.shutdown()
	err := c.Flush(ctx)
	if err == nil && c.State().Connected {
		c.awaitRun(ctx)
	}
	c.kill()
	if c.running.Load() {
		<-c.ran
	}
	c.end(ErrClosed)
	if published, decided := c.Totals(); err != nil && published > decided {
		return fmt.Errorf("%d events are not decided: %w", published-decided, err)
	}
	return nil
}

// awaitRun gives the writer time to take its leave.
func (c *Client) awaitRun(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	select {
	case <-c.ran:
	case <-ctx.Done():
	}
}
