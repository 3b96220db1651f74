package access

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Codes of refusals, which are the reasons that they are counted by, too.
const (
	CodeUnauthorized = "unauthorized" // 401
	CodeForbidden    = "forbidden"    // 403
	CodeCrossOrigin  = "cross_origin" // 403
	CodeMisdirected  = "misdirected"  // 421
	CodeUnavailable  = "unavailable"  // 503
)

// Refusal says why somebody is not let in, and what would help. It holds nothing of the key that was shown.
type Refusal struct {
	// Status is that of HTTP.
	Status  int
	Code    string
	Message string
	// challenge is what WWW-Authenticate says (RFC 6750, 3).
	challenge string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Write answers a request with it.
func (r *Refusal) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	body := map[string]any{"code": r.Code, "message": r.Message}
	if r.challenge != "" {
		h.Set("WWW-Authenticate", r.challenge)
	}
	if r.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
		body["retryable"] = true
	}
	w.WriteHeader(r.Status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone does not read an error either
}

// The refusals whose text does not depend on the request.
var (
	keyNeeded = &Refusal{
		Status: http.StatusUnauthorized, Code: CodeUnauthorized, challenge: "Bearer",
		Message: "a key is needed: show it as Authorization: Bearer KEY. `millrace keys create` makes one.",
	}
	wrongKey = &Refusal{
		Status: http.StatusUnauthorized, Code: CodeUnauthorized, challenge: `Bearer error="invalid_token"`,
		Message: "the key that was shown is none of those that are valid: it is wrong, or it was revoked",
	}
	elsewhere = &Refusal{
		Status: http.StatusForbidden, Code: CodeForbidden,
		Message: "while there is no key only the server's own machine is served, without a proxy: make a key there " +
			"(`millrace keys create`), or start with --allow-anonymous",
	}
	adminClosed = &Refusal{
		Status: http.StatusForbidden, Code: CodeForbidden,
		Message: "this needs a key with the scope admin (`millrace keys create`, on the server's machine), or a start " +
			"with --allow-anonymous-admin",
	}
	notKnownYet = &Refusal{
		Status: http.StatusServiceUnavailable, Code: CodeUnavailable,
		Message: "the keys are in Redis, which has not been reached since the start: try again. From the server's own " +
			"machine GET /api/diagnosis says more.",
	}
	// CrossOrigin refuses what a page of another origin asked a browser to do.
	CrossOrigin = &Refusal{
		Status: http.StatusForbidden, Code: CodeCrossOrigin,
		Message: "a page of another origin may not do this: start with --cors-origins if it is yours",
	}
	// ServicesOnly refuses those who are neither another service nor on this machine.
	ServicesOnly = &Refusal{
		Status: http.StatusUnauthorized, Code: CodeUnauthorized, challenge: "Bearer",
		Message: "from another machine this needs the internal key (Authorization: Bearer), --internal-key on both sides",
	}
)

func lacks(name string, need Scope) *Refusal {
	return &Refusal{
		Status: http.StatusForbidden, Code: CodeForbidden,
		challenge: fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, need.String()),
		Message:   fmt.Sprintf("the key %s is valid and lacks the scope %s", name, need),
	}
}

func misdirected(name string) *Refusal {
	return &Refusal{
		Status: http.StatusMisdirectedRequest, Code: CodeMisdirected,
		Message: fmt.Sprintf("%.100q is not known as a name of this server: start with --hosts if it is, or show a key", name),
	}
}
