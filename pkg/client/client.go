package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/event"
)

// Client is one session. Its methods may be called by several goroutines.
type Client struct {
	config Config
	queue  *queue
	state  atomic.Pointer[State]
	idMu   sync.Mutex
	ids    *event.IDs

	// life ends when the client is closed; ran is closed when Run returns, if it began.
	life    context.Context
	kill    context.CancelFunc
	running atomic.Bool
	ran     chan struct{}
	closing sync.Once
	closed  error
}

// New makes a client. Run has to be called for anything to be sent. For a client with a goroutine of its own see Open.
func New(c Config) (*Client, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	client := &Client{config: c, queue: newQueue(c.Window, c.WindowBytes), ids: event.NewIDs(), ran: make(chan struct{})}
	client.life, client.kill = context.WithCancel(context.Background())
	client.state.Store(&State{})
	return client, nil
}

// Open makes a client and runs it until Close. It does not wait for a gateway: events can be published before there is
// one. That a gateway refuses the session is what the next call returns.
func Open(c Config) (*Client, error) {
	client, err := New(c)
	if err != nil {
		return nil, err
	}
	client.running.Store(true)
	go func() { _ = client.run(client.life) }() // Close ends it and waits; its error is every call's from then on
	return client, nil
}

// Send sends events and waits until each is decided. It returns nil if all are durable, and Refusals if some are not. An
// event that can't be encoded or sent is an error before anything is. If ctx ends first, the error is that of ctx:
// what was queued by then goes on being sent, and may be stored.
func (c *Client) Send(ctx context.Context, events ...Event) error {
	encoded := make([][]byte, len(events))
	for i := range events {
		var err error
		if encoded[i], err = c.encode(&events[i]); err != nil {
			return at(i, len(events), err)
		}
	}
	answers := newAnswers(len(events))
	for i, b := range encoded {
		if err := c.put(ctx, entry{Frame: Frame{JSON: b, Events: 1}, one: answers.of(i)}); err != nil {
			return at(i, len(events), err)
		}
	}
	return answers.wait(ctx)
}

// at says which of several events an error is of.
func at(i, events int, err error) error {
	if r, ok := err.(*Refusal); ok { //nolint:errorlint // ours, made a moment ago
		r.Index = i
	}
	if events == 1 {
		return err
	}
	return fmt.Errorf("event %d of %d: %w", i+1, events, err)
}

// Publish queues an event, as soon as there is room for it, and returns nil; done, if it is not nil, is then called once:
// with nil when the event is durable, with a *Refusal, or with an error that is ErrClosed or ErrRefused. If Publish
// returns an error, the event is not sent and done is not called.
//
// Callbacks run on the goroutine that reads the connection, in the order of the events. They must be quick, and must not
// call Send, Flush or Close, nor Publish where the window may be full: all of these wait for that goroutine.
func (c *Client) Publish(ctx context.Context, e Event, done func(error)) error {
	b, err := c.encode(&e)
	if err != nil {
		return err
	}
	return c.put(ctx, entry{Frame: Frame{JSON: b, Events: 1}, one: done})
}

// PublishFrame is Publish for what is encoded already: the JSON of one event, or of an array of that many. It is sent as
// it is, and must not be changed until it is decided; if it is not what it should be, the gateway ends the session. A
// frame that is larger than the window goes alone. done hears nil, Refusals, or what ended the session.
func (c *Client) PublishFrame(ctx context.Context, json []byte, events int, done func(Frame, error)) error {
	if events < 1 {
		return fmt.Errorf("a frame of %d events: there is nothing to acknowledge", events)
	}
	if err := c.queue.fits(len(json), events); err != nil {
		return err
	}
	return c.put(ctx, entry{Frame: Frame{JSON: json, Events: events}, framed: true, whole: done})
}

func (c *Client) put(ctx context.Context, e entry) error {
	e.Queued = time.Now()
	return c.queue.put(ctx, e)
}

// Flush waits until everything that was published before is decided and its callbacks have returned. If the session ends
// first, it returns why.
func (c *Client) Flush(ctx context.Context) error { return c.queue.flush(ctx) }

// Totals are the events published and those of them that are decided.
func (c *Client) Totals() (published, decided uint64) { return c.queue.totals() }
