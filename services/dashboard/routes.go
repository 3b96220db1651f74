package dashboard

import "net/http"

// Register mounts the page and its API. Who may call them is for the caller to decide.
func (d *Dashboard) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/stats", d.serveStats)
	mux.HandleFunc("GET /api/stats/stream", d.serveStream)
	mux.HandleFunc("GET /api/diagnosis", d.serveDiagnosis)
	page := newPage()
	mux.HandleFunc("GET /{$}", page.serveIndex)
	mux.HandleFunc("GET /favicon.svg", page.serveFile)
	mux.HandleFunc("GET /assets/{file}", page.serveAsset)
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
