package gateway

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"slices"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/produce"
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
	// ids of the events, by their place in the body; empty where one was refused. The window's lock guards both.
	ids    []string
	errors []postedError
}

// posted is the answer.
type posted struct {
	Accepted   int           `json:"accepted"`
	Duplicates int           `json:"duplicates"`
	IDs        []string      `json:"ids"`
	Errors     []postedError `json:"errors"`
}

type postedError struct {
	Index        *int   `json:"index,omitempty"` // absent when the body was refused whole
	Code         string `json:"code"`
	Message      string `json:"message"`
	Retryable    bool   `json:"retryable"`
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
}

func errorOf(index *int, r *event.Refusal) postedError {
	e := postedError{Index: index, Code: r.Code, Message: r.Message, Retryable: r.Retryable}
	if r.Retryable {
		e.RetryAfterMS = retryAfter(r).Milliseconds()
	}
	return e
}

// serveEvents is POST /api/events: one event, an array, or newline-delimited JSON. It answers when the events
// are durable.
func (g *Gateway) serveEvents(w http.ResponseWriter, r *http.Request) {
	who := g.senderOf(r.Context(), "/http")
	defer who.Close()
	decode, ok := decoderOf(r.Header)
	if !ok {
		g.refuseBody(w, who, http.StatusUnsupportedMediaType, event.Refuse(event.CodeInvalidJSON,
			"Content-Type must be application/json, application/x-ndjson or one of CloudEvents' JSON forms"), nil)
		return
	}
	f := getFrame()
	defer putFrame(f)
	if status, refusal := g.readBody(w, r, f, decode); refusal != nil {
		if refusal.Retryable {
			g.refused(who, refusal, nil, 1)
			comeAgain(w, refusal)
			return
		}
		who.Take(time.Now(), 1, len(f.bytes)) // it cost as much as another
		g.refuseBody(w, who, status, refusal, f.bytes)
		return
	}
	key, err := parseKey(r)
	if err != nil {
		g.refuseBody(w, who, http.StatusBadRequest, event.Refuse(event.CodeInvalidEvent, err.Error()), nil)
		return
	}
	claim, refusal := g.takeBody(r.Context(), who, key, f)
	switch {
	case refusal != nil && refusal.Retryable:
		comeAgain(w, refusal)
		return
	case refusal != nil:
		g.refuseBody(w, who, http.StatusUnprocessableEntity, refusal, f.bytes)
		return
	}
	answer, known := g.post(who, claim, f)
	if !known {
		panic(http.ErrAbortHandler) // net/http's way to cut a request off: any answer would be a guess
	}
	answer.write(w)
}

// write answers 202 if anything was stored, or there was nothing to store.
func (p posted) write(w http.ResponseWriter) {
	status := http.StatusAccepted
	if p.Accepted+p.Duplicates == 0 && len(p.Errors) > 0 {
		status = http.StatusBadRequest
		if p.Errors[0].Retryable { // dropped, all of it
			w.Header().Set("Retry-After", "1")
			status = http.StatusServiceUnavailable
		}
	}
	writeJSON(w, status, p)
}

// takeBody brings a body in, with the claim of its key if it has one, or says why not: nothing of it is stored then.
func (g *Gateway) takeBody(ctx context.Context, who *sender, key string, f *frame) (*produce.Claim, *event.Refusal) {
	if g.draining() {
		return nil, refuseDraining
	}
	f.begin(who.source())
	asks := f.asks()
	refusal := g.refusal(who, asks)
	var claim *produce.Claim
	if refusal == nil && key != "" {
		claim, refusal = g.claim(ctx, who, key, f.bytes)
	}
	if refusal == nil {
		refusal = g.roomFor(ctx, asks)
	}
	if refusal != nil && refusal.Retryable {
		g.refused(who, refusal, f.bytes, asks.numbered)
	}
	return claim, refusal
}

// decoder is how a body is read.
type decoder func(f *frame, l event.Limits) error

func decodeJSON(f *frame, l event.Limits) error   { return f.DecodeJSON(f.bytes, l) }
func decodeNDJSON(f *frame, l event.Limits) error { return f.DecodeNDJSON(f.bytes, l) }

// decoderOf chooses by content type. What curl sends when nobody says anything is taken for JSON.
func decoderOf(h http.Header) (decoder, bool) {
	if isBinary(h) {
		return decodeBinary(h), true
	}
	contentType := h.Get("Content-Type")
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
	switch err := g.fillBody(r, f, limits.FrameBytes); {
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, g.full()
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

// fillBody reads a body; a large one when there is memory for it.
func (g *Gateway) fillBody(r *http.Request, f *frame, limit int) error {
	err := f.fill(r.Body, min(limit, smallFrame))
	if !errors.Is(err, errTooLong) || limit <= smallFrame {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), roomTimeout)
	defer cancel()
	if err := f.awaitLoan(ctx, g.large, limit); err != nil {
		return err
	}
	return f.more(r.Body, limit)
}

// roomFor takes room in the buffer. A request waits for it, but not for ever: nothing of it is stored yet, so it
// can be told to come again.
func (g *Gateway) roomFor(ctx context.Context, asks asks) *event.Refusal {
	if asks.events == 0 || g.pace(asks) == 0 && g.room.try(asks.events, asks.bytes) {
		return nil
	}
	switch g.config.BufferPolicy {
	case policyReject:
		return g.full()
	case policyDropOldest:
		g.makeRoom(asks)
	}
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	stop := context.AfterFunc(g.taking, cancel)
	defer stop()
	switch err := g.awaitRoom(ctx, asks, nil); {
	case err == nil:
		return nil
	case g.draining():
		return refuseDraining
	}
	return g.full()
}

// post puts the events on their way and waits until every one is decided, however long Redis is away. The outcome
// is not known only if this gateway gives up appending before.
func (g *Gateway) post(who *sender, claim *produce.Claim, f *frame) (answer posted, known bool) {
	q := &request{done: make(chan struct{}), ids: make([]string, len(f.Events))}
	q.home = rand.IntN(len(g.partitions))
	if claim != nil {
		q.repeatable(claim, len(g.partitions), f)
	}
	q.news = func() {
		if q.empty() {
			close(q.done)
		}
	}
	q.lost = func(n uint64) { q.noteRefused(int(n)-1, refuseDropped) }
	if !g.postAll(q, who, f) {
		return q.answer(), true
	}
	select {
	case <-q.done:
		return q.answer(), true
	case <-g.appended:
		return q.answer(), q.decidedAll()
	}
}

// repeatable makes a request one that can be repeated: a session whose events have the same numbers, and ids, each
// time. The last number given is that of the event that asks for an id.
func (q *request) repeatable(claim *produce.Claim, partitions int, f *frame) {
	q.session, q.places, q.home = claim.Session, make([]place, partitions), claim.Partition
	f.defaults.ID = func(dst []byte) []byte { return append(dst, claim.ID(q.last)...) }
}

// postAll takes each event of a body, and says whether there is anything to wait for.
func (g *Gateway) postAll(q *request, who *sender, f *frame) (waiting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.ring()
	for i := range f.Events {
		g.postOne(q, i, who, f)
	}
	return !q.empty()
}

func (g *Gateway) postOne(q *request, i int, who *sender, f *frame) {
	s := &f.Events[i]
	if s.Control != event.None {
		s.Refused = event.Refuse(event.CodeInvalidEvent,
			`attribute "type": ping and pong without data are heartbeats of a WebSocket, not events`)
	}
	if s.Refused != nil {
		g.refused(who, s.Refused, s.Raw, 1)
		q.refuse(q.last + 1)
		q.noteRefused(i, s.Refused)
		return
	}
	g.accept(&q.producer, q.last+1, s, &f.defaults)
	q.ids[i] = string(f.defaults.LastID())
}

// noteRefused notes what an event of the body was refused for; the window is locked.
func (q *request) noteRefused(index int, why *event.Refusal) {
	q.ids[index] = ""
	q.errors = append(q.errors, errorOf(&index, why))
}

// answer is what became of the body.
func (q *request) answer() posted {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := posted{IDs: slices.DeleteFunc(q.ids, func(id string) bool { return id == "" }), Errors: q.errors}
	p.Accepted = len(p.IDs)
	if p.Errors == nil {
		p.Errors = []postedError{}
	}
	slices.SortFunc(p.Errors, func(a, b postedError) int { return *a.Index - *b.Index })
	return p
}

// decidedAll says whether every event of the body is decided.
func (q *request) decidedAll() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.empty()
}

// refuseBody answers a request that is refused whole.
func (g *Gateway) refuseBody(w http.ResponseWriter, who *sender, status int, r *event.Refusal, raw []byte) {
	g.refused(who, r, raw, 1)
	writeJSON(w, status, posted{IDs: []string{}, Errors: []postedError{errorOf(nil, r)}})
}
