package dashboard

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

// dist is what `make web` built. The folder is never empty (a file keeps it in the repository), so that a
// build without Node works.
//
//go:embed all:web/dist
var dist embed.FS

// policy allows what this server sends and nothing else: no inline script or style, no other host, no frame.
// connect-src follows default-src, and 'self' covers the WebSocket of the same host (CSP 3, 6.7.2.8).
const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// notBuilt is shown where the page would be.
const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Millrace</title>
<h1>Millrace is running, its page was not built</h1>
<p>Run <code>make web</code> (it needs Node 20 or newer), build again and reload. The rest works:
<a href="/api/stats">/api/stats</a>, <a href="/api/stats/stream">/api/stats/stream</a>,
<a href="/api/diagnosis">/api/diagnosis</a>, <a href="/health">/health</a>.</p>
</html>
`

// page serves the files of the browser's side.
type page struct{ files fs.FS }

func newPage() page {
	files, err := fs.Sub(dist, "web/dist")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return page{files}
}

// serveIndex is asked for again each time, so that a new version is seen at once: it names the assets.
func (p page) serveIndex(w http.ResponseWriter, _ *http.Request) {
	secure(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	index, err := fs.ReadFile(p.files, "index.html")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		index = []byte(notBuilt)
	}
	_, _ = w.Write(index) // a client that is gone does not read an error either
}

// serveAsset serves a file whose name holds a hash of its content, which never changes.
func (p page) serveAsset(w http.ResponseWriter, r *http.Request) {
	if _, err := fs.Stat(p.files, strings.TrimPrefix(r.URL.Path, "/")); err == nil {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	p.serveFile(w, r)
}

func (p page) serveFile(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	http.ServeFileFS(w, r, p.files, r.URL.Path)
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
}
