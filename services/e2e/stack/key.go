package stack

import (
	"net/http"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream/control"
)

// Key makes a key of that name and returns what shows it: a header of requests. From the first one on nobody is let in
// without.
func (s *Stack) Key(name string, scopes access.Scope) http.Header {
	s.t.Helper()
	k, token, err := access.Mint(name, scopes, "test", time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := control.AddKey(s.t.Context(), s.Stream(), k, "test"); err != nil {
		s.t.Fatal(err)
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}
