package dashboard

import (
	"net/http"

	"millrace.dev/pkg/access"
)

// Register mounts the page and its API. need wraps each handler so that only those who have the scope get to it.
func (d *Dashboard) Register(mux *http.ServeMux, need func(access.Scope, http.Handler) http.Handler) {
	handle := func(pattern string, scope access.Scope, serve http.HandlerFunc) {
		mux.Handle(pattern, need(scope, serve))
	}
	handle("GET /api/stats", access.Read, d.serveStats)
	handle("GET /api/stats/stream", access.Read, d.serveStream)
	handle("GET /api/diagnosis", access.Read, d.serveDiagnosis)
	page := newPage()
	handle("GET /{$}", access.None, page.serveIndex)
	handle("GET /favicon.svg", access.None, page.serveFile)
	handle("GET /assets/{file}", access.None, page.serveAsset)
}

func (d *Dashboard) serveStats(w http.ResponseWriter, _ *http.Request) {
	serveJSON(w, d.latest.Load().body)
}

func (d *Dashboard) serveDiagnosis(w http.ResponseWriter, _ *http.Request) {
	serveJSON(w, *d.diagnosis.Load())
}

// serveJSON answers with bytes that are ready.
func serveJSON(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // a client that is gone does not read an error either
}
