package dashboard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var built = page{fstest.MapFS{
	"index.html":          {Data: []byte("<!doctype html><title>Millrace</title>")},
	"favicon.svg":         {Data: []byte("<svg/>")},
	"assets/index-abc.js": {Data: []byte("export {}")},
}}

func ask(h http.HandlerFunc, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestPageHeaders(t *testing.T) {
	for _, c := range []struct {
		path    string
		handler http.HandlerFunc
		code    int
		kind    string
		cache   string
	}{
		{"/", built.serveIndex, http.StatusOK, "text/html; charset=utf-8", "no-cache"},
		{"/", page{fstest.MapFS{}}.serveIndex, http.StatusServiceUnavailable, "text/html; charset=utf-8", "no-cache"},
		{"/favicon.svg", built.serveFile, http.StatusOK, "image/svg+xml", ""},
		{"/assets/index-abc.js", built.serveAsset, http.StatusOK, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"/assets/index-old.js", built.serveAsset, http.StatusNotFound, "text/plain; charset=utf-8", ""},
	} {
		w := ask(c.handler, c.path)
		h := w.Header()
		if w.Code != c.code || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d %q %q, want %d %q %q", c.path, w.Code, h.Get("Content-Type"), h.Get("Cache-Control"), c.code, c.kind, c.cache)
		}
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'self';") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", c.path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", c.path, h)
		}
	}
}

// A build without Node must say what is missing and how to get it.
func TestPageThatWasNotBuilt(t *testing.T) {
	body := ask(page{fstest.MapFS{}}.serveIndex, "/").Body.String()
	for _, want := range []string{"make web", "/api/stats"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not on the page: %s", want, body)
		}
	}
}

func TestAPIIsNotStored(t *testing.T) {
	d := New(Config{})
	for _, path := range []string{"/api/stats", "/api/diagnosis"} {
		w := get(d, path)
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}

// The gateway mounts paths of its own beside these, for any method.
func TestRegisterLeavesOtherPathsAlone(t *testing.T) {
	mux := http.NewServeMux()
	own := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, path := range []string{"/", "/ws", "/api/", "POST /api/events", "/debug/", "/health"} {
		mux.Handle(path, own)
	}
	New(Config{}).Register(mux, openToAll)
	for path, want := range map[string]int{"/api/stats": http.StatusOK, "/api/nothing": http.StatusTeapot, "/health": http.StatusTeapot} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
