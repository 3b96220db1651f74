package gateway

import (
	"context"
	"net/http"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/produce"
)

// roomTimeout is how long a request waits for room in the buffer before it is told to come again.
const roomTimeout = 10 * time.Second

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
	if status, refusal := g.readBody(r, f, decode); refusal != nil {
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

// refuseBody answers a request that is refused whole.
func (g *Gateway) refuseBody(w http.ResponseWriter, who *sender, status int, r *event.Refusal, raw []byte) {
	g.refused(who, r, raw, 1)
	writeJSON(w, status, posted{IDs: []string{}, Errors: []postedError{errorOf(nil, r)}})
}
