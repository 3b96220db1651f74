package client

// State is what the client knows of its session.
type State struct {
	// Connected: a gateway has greeted us and has not gone.
	Connected bool
	// Connections made so far.
	Connections int
	// Slow is why the gateway wants nothing for now (overloaded, paused, …); empty when it takes events. It may last for
	// hours.
	Slow string
	// Draining: the gateway goes away; what it has taken is still acknowledged.
	Draining bool
	// Durability is what an acknowledgement of this gateway survives.
	Durability string
	// Incarnation of the stream. Lost counts how often it changed under us or the gateway had forgotten the
	// session: each time, what was resent may be stored twice. See Config.Lost.
	Incarnation string
	Lost        int
	// Err is why the last connection ended or could not be made; nil while one is up.
	Err error
}

// State is what the client knows of its session now.
func (c *Client) State() State { return *c.state.Load() }

// update changes the state. Only the goroutine of Run does, or the one that reads, while that waits for it.
func (c *Client) update(change func(*State)) {
	s := *c.state.Load()
	change(&s)
	c.state.Store(&s)
}

// known is how much of a session's id is told.
const known = 8

// compare finds in a greeting that what was known of the session is lost: the gateway does not know one of which it
// has stored something, or the stream is another one than before.
func (c *Client) compare(h message, session string, next uint64) {
	stored, tried := c.queue.traces()
	before := c.State().Incarnation
	renewed := before != "" && before != h.Incarnation
	if tried == 0 || !renewed && (h.Resumed || stored == 0) { // what was refused leaves no trace
		return
	}
	c.update(func(s *State) { s.Lost++ })
	loss := Loss{Session: session[:known], From: next, To: max(tried, next-1), Renewed: renewed}
	if c.config.Lost != nil {
		c.config.Lost(loss)
		return
	}
	c.config.Log.Warn("what Redis knew of this session is lost", "loss", loss.String())
}

// traces are how many events of this session are stored, and the highest number that was ever written.
func (q *queue) traces() (stored, tried uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stored, q.tried
}
