package telemetry

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
)

// RingRecords is how many records a Ring keeps of each level.
const RingRecords = 200

// ringBytes is the longest record that a Ring keeps whole.
const ringBytes = 4096

// Ring keeps the latest log records of each level, for /debug/logs. Errors are not pushed out by chatter: each of
// debug, info, warn and error has a ring of its own. The zero Ring is ready to use.
type Ring struct {
	mu    sync.Mutex
	level slog.Level // of the record that is being written
	rings [4]lines
}

// lines is a ring of records as JSON.
type lines struct {
	kept []json.RawMessage
	next int
}

// Attach returns a logger that does what log does and keeps its records in r as well. What log.With bound before
// is not in them.
func (r *Ring) Attach(log *slog.Logger) *slog.Logger {
	json := slog.NewJSONHandler(ringWriter{r}, &slog.HandlerOptions{Level: slog.LevelDebug})
	return slog.New(slog.NewMultiHandler(log.Handler(), ringHandler{json: json, ring: r, like: log.Handler()}))
}

// Records returns the latest records of a level, oldest first, each a JSON object.
func (r *Ring) Records(level slog.Level) []json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.of(level)
	return append(append([]json.RawMessage{}, l.kept[l.next:]...), l.kept[:l.next]...)
}

// of returns the ring for a level: those between the four of slog belong to the next one below.
func (r *Ring) of(level slog.Level) *lines {
	switch {
	case level < slog.LevelInfo:
		return &r.rings[0]
	case level < slog.LevelWarn:
		return &r.rings[1]
	case level < slog.LevelError:
		return &r.rings[2]
	}
	return &r.rings[3]
}

func (l *lines) add(line json.RawMessage) {
	if len(l.kept) < RingRecords {
		l.kept = append(l.kept, line)
		return
	}
	l.kept[l.next] = line
	l.next = (l.next + 1) % RingRecords
}

// ringHandler renders records with slog's own JSON handler, which writes them into the ring.
type ringHandler struct {
	json slog.Handler
	ring *Ring
	like slog.Handler // decides which levels are kept
}

func (h ringHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.like.Enabled(ctx, level)
}

func (h ringHandler) Handle(ctx context.Context, rec slog.Record) error {
	h.ring.mu.Lock()
	defer h.ring.mu.Unlock()
	h.ring.level = rec.Level
	return h.json.Handle(ctx, rec)
}

func (h ringHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.json = h.json.WithAttrs(attrs)
	return h
}

func (h ringHandler) WithGroup(name string) slog.Handler {
	h.json = h.json.WithGroup(name)
	return h
}

// ringWriter takes what the JSON handler wrote for one record. The ring is locked.
type ringWriter struct{ ring *Ring }

func (w ringWriter) Write(line []byte) (int, error) {
	w.ring.of(w.ring.level).add(shortened(line))
	return len(line), nil
}

// shortened copies a record; of one that is too long it keeps the beginning, as a string.
func shortened(line []byte) json.RawMessage {
	if len(line) <= ringBytes {
		return json.RawMessage(append([]byte{}, line...))
	}
	whole, _ := json.Marshal(map[string]string{"cut": string(line[:ringBytes])}) // a map of strings can't fail
	return whole
}
