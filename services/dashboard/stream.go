package dashboard

import (
	"errors"
	"net/http"
	"os"
	"time"
)

// serveStream sends the latest statistics at once and then each newer reading, as server-sent events (HTML
// standard, 9.2). Statistics are a state, not a log: a client that comes back with Last-Event-ID gets the
// newest reading, and one that reads slowly skips to it.
func (d *Dashboard) serveStream(w http.ResponseWriter, r *http.Request) {
	d.clients.Add(1)
	defer d.clients.Add(-1)
	c := eventStream{w: w, rc: http.NewResponseController(w), timeout: d.config.WriteTimeout}
	if err := d.send(&c, r); errors.Is(err, os.ErrDeadlineExceeded) {
		d.slow.Add(1)
	}
}

// send writes to one client until it is gone, does not read, or the server drains (without an error).
func (d *Dashboard) send(c *eventStream, r *http.Request) error {
	heartbeat := time.NewTicker(d.config.Heartbeat)
	defer heartbeat.Stop()
	now := d.latest.Load()
	if err := c.open(now.event); err != nil {
		return err
	}
	for {
		var err error
		select {
		case <-now.superseded:
			now = d.latest.Load()
			err = c.write(now.event)
		case <-heartbeat.C:
			err = c.write([]byte(": heartbeat\n\n"))
		case <-r.Context().Done():
			return r.Context().Err()
		case <-d.ended:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// eventStream is the answer to one client, written with a deadline each time.
type eventStream struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
}

// open sends the headers, how long to wait before coming back (guide: 1 s), and the first event.
func (c *eventStream) open(event []byte) error {
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
	// The server's limit on reading a request would end the stream; where there is none to lift, none is set.
	_ = c.rc.SetReadDeadline(time.Time{})
	return c.write(append([]byte("retry: 1000\n\n"), event...))
}

// write sends b now. The deadline is lifted afterwards: over HTTP/2 it would reset an idle stream.
func (c *eventStream) write(b []byte) error {
	if err := c.rc.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	if _, err := c.w.Write(b); err != nil {
		return err
	}
	if err := c.rc.Flush(); err != nil {
		return err
	}
	return c.rc.SetWriteDeadline(time.Time{})
}
