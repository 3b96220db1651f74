package gateway

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
)

// bodyTimeout is how long a body may take to arrive, and roomTimeout how long a request waits for room in the
// buffer before it is told to come again.
const (
	bodyTimeout = 30 * time.Second
	roomTimeout = 10 * time.Second
)

// request is a producer that sends once: POST /api/events. It is a session of its own, so its events without a
// partitionkey go to one partition, chosen at random.
type request struct {
	producer
	done chan struct{}
}

// posted is the answer.
type posted struct {
	Accepted   int           `json:"accepted"`
	Duplicates int           `json:"duplicates"`
	IDs        []string      `json:"ids"`
	Errors     []postedError `json:"errors"`
}

type postedError struct {
	Index   *int   `json:"index,omitempty"` // absent when the body was refused whole
	Code    string `json:"code"`
	Message string `json:"message"`
}

// serveEvents is POST /api/events: one event, an array, or newline-delimited JSON. It answers when the events
// are durable.
func (g *Gateway) serveEvents(w http.ResponseWriter, r *http.Request) {
	decode, ok := decoderOf(r.Header.Get("Content-Type"))
	if !ok {
		g.refuseBody(w, http.StatusUnsupportedMediaType, event.Refuse(event.CodeInvalidJSON,
			"Content-Type must be application/json, application/x-ndjson or one of CloudEvents' JSON forms"), nil)
		return
	}
	f := getFrame()
	defer putFrame(f)
	if status, refusal := g.readBody(w, r, f, decode); refusal != nil {
		g.refuseBody(w, status, refusal, f.bytes)
		return
	}
	events, bytes := f.claim()
	if refusal := g.roomFor(r.Context(), events, bytes); refusal != nil {
		comeAgain(w, refusal)
		return
	}
	answer, known := g.post(f, sourceOf("/http", access.From(r.Context())))
	if !known {
		panic(http.ErrAbortHandler) // net/http's way to cut a request off: any answer would be a guess
	}
	status := http.StatusAccepted
	if answer.Accepted+answer.Duplicates == 0 && len(answer.Errors) > 0 {
		status = http.StatusBadRequest
	}
	writeJSON(w, status, answer)
}

// decoder is how a body is read.
type decoder func(f *frame, l event.Limits) error

func decodeJSON(f *frame, l event.Limits) error   { return f.DecodeJSON(f.bytes, l) }
func decodeNDJSON(f *frame, l event.Limits) error { return f.DecodeNDJSON(f.bytes, l) }

// decoderOf chooses by content type. What curl sends when nobody says anything is taken for JSON.
func decoderOf(contentType string) (decoder, bool) {
	if contentType == "" {
		return decodeJSON, true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, false
	}
	switch kind {
	case "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded",
		"application/cloudevents+json", "application/cloudevents-batch+json":
		return decodeJSON, true
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return decodeNDJSON, true
	}
	return nil, false
}

// readBody reads and decodes a body, or says why it is refused whole.
func (g *Gateway) readBody(w http.ResponseWriter, r *http.Request, f *frame, decode decoder) (int, *event.Refusal) {
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(bodyTimeout))
	// While the answer is awaited the connection is read for its end only: the deadline would be taken for one.
	defer func() { _ = connection.SetReadDeadline(time.Time{}) }()
	limits := g.config.Limits
	switch err := f.fill(r.Body, limits.FrameBytes); {
	case errors.Is(err, errTooLong):
		return http.StatusRequestEntityTooLarge, tooLong(limits.FrameBytes)
	case err != nil && !errors.Is(err, io.EOF):
		return http.StatusBadRequest, event.Refuse(event.CodeInvalidJSON, "the body did not arrive whole")
	}
	if err := decode(f, limits); err != nil {
		refusal := asRefusal(err)
		if refusal.Code == event.CodeTooManyEvents || refusal.Code == event.CodeTooLarge {
			return http.StatusRequestEntityTooLarge, refusal
		}
		return http.StatusBadRequest, refusal
	}
	return 0, nil
}

// roomFor takes room in the buffer. A request waits for it, but not for ever: nothing of it is stored yet, so it
// can be told to come again.
func (g *Gateway) roomFor(ctx context.Context, events, bytes int) *event.Refusal {
	if g.draining() {
		return refuseDraining
	}
	if events == 0 || g.room.try(events, bytes) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	stop := context.AfterFunc(g.taking, cancel)
	defer stop()
	switch err := g.room.wait(ctx, events, bytes); {
	case err == nil:
		return nil
	case g.draining():
		return refuseDraining
	}
	return event.Refuse(g.trouble.now(), "the buffer is full: try again. GET /debug/buffer says more.")
}

// post puts the events on their way and waits until every one is decided, however long Redis is away. The outcome
// is not known only if this gateway gives up appending before.
func (g *Gateway) post(f *frame, source string) (answer posted, known bool) {
	q := &request{done: make(chan struct{})}
	q.home = rand.IntN(len(g.partitions))
	q.news = func() {
		if q.empty() {
			close(q.done)
		}
	}
	f.begin(source)
	answer = posted{IDs: []string{}, Errors: []postedError{}}
	if !g.postAll(q, f, &answer) {
		return answer, true
	}
	select {
	case <-q.done:
		return answer, true
	case <-g.appended:
		q.mu.Lock()
		defer q.mu.Unlock()
		return answer, q.empty()
	}
}

// postAll takes each event of a body, and says whether there is anything to wait for.
func (g *Gateway) postAll(q *request, f *frame, answer *posted) (waiting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.ring()
	for i := range f.Events {
		g.postOne(q, i, f, answer)
	}
	return !q.empty()
}

func (g *Gateway) postOne(q *request, i int, f *frame, answer *posted) {
	s := &f.Events[i]
	if s.Control != event.None {
		s.Refused = event.Refuse(event.CodeInvalidEvent,
			`attribute "type": ping and pong without data are heartbeats of a WebSocket, not events`)
	}
	if s.Refused != nil {
		g.refused("/http", s.Refused, s.Raw)
		q.refuse(q.last + 1)
		answer.Errors = append(answer.Errors, postedError{&i, s.Refused.Code, s.Refused.Message})
		return
	}
	g.accept(&q.producer, q.last+1, s, &f.defaults)
	answer.IDs = append(answer.IDs, string(f.defaults.LastID()))
	answer.Accepted++
}

// refuseBody answers a request that is refused whole.
func (g *Gateway) refuseBody(w http.ResponseWriter, status int, r *event.Refusal, raw []byte) {
	g.refused("/http", r, raw)
	writeJSON(w, status, posted{IDs: []string{}, Errors: []postedError{{Code: r.Code, Message: r.Message}}})
}
