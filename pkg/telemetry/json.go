package telemetry

import (
	"encoding/json"
	"net/http"
)

// writeJSON answers with v. A client that hung up is nobody's fault, and v can always be encoded.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
