package telemetry

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Health answers whether a service is alive and whether it is ready.
type Health struct {
	instance Instance
	check    func(ctx context.Context) error

	mu     sync.Mutex
	flight *flight // the latest check, under way or done
}

// NewHealth answers for an instance. check tells what it lacks to do its work, nil if nothing; it must end when its
// context does.
func NewHealth(i Instance, check func(ctx context.Context) error) *Health {
	return &Health{instance: i, check: check}
}

// Routes adds GET /health and GET /health/ready.
func (h *Health) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /health", h.Alive)
	mux.HandleFunc("GET /health/ready", h.Ready)
}

// Alive answers 200 as long as the process can answer at all.
func (h *Health) Alive(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Status   string  `json:"status"`
		Service  string  `json:"service"`
		Instance string  `json:"instance"`
		Version  string  `json:"version"`
		Uptime   float64 `json:"uptime_s"`
	}{"ok", h.instance.Service, h.instance.ID, h.instance.Version, time.Since(h.instance.Started).Seconds()})
}

// Ready answers 200 if the check passes, else 503 with what is missing.
func (h *Health) Ready(w http.ResponseWriter, r *http.Request) {
	if err := h.ask(r.Context()); err != nil {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "unready", "error": err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}
