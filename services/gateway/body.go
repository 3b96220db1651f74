package gateway

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"

	"millrace.dev/pkg/event"
)

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
func (g *Gateway) readBody(r *http.Request, f *frame, decode decoder) (int, *event.Refusal) {
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
