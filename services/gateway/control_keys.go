package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/control"
)

// keyRow is a key as it is shown: never its hash.
type keyRow struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Scopes    []string  `json:"scopes"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

func (c *controls) serveKeys(w http.ResponseWriter, _ *http.Request) {
	rows := []keyRow{}
	for _, k := range c.state().Keys {
		rows = append(rows, keyRow{k.ID, k.Name, k.Scopes.Names(), k.Created, k.CreatedBy})
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": rows})
}

// keyBody asks for a key.
type keyBody struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
}

// keyMade answers with the token, which is shown here and never again.
type keyMade struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Token  string   `json:"token"`
}

func (c *controls) serveAddKey(w http.ResponseWriter, r *http.Request) {
	var body keyBody
	if err := readObject(w, r, &body); err != nil {
		refuseControl(w, err)
		return
	}
	scopes, err := access.ParseScopes(body.Scopes...)
	if err = errors.Join(access.CheckName(body.Name), err); err != nil {
		refuseControl(w, badRequest{err})
		return
	}
	k, token, err := access.Mint(body.Name, scopes, c.who(r), time.Now())
	if err != nil {
		refuseControl(w, badRequest{err})
		return
	}
	add := func(ctx context.Context, s *stream.Stream, by string) (uint64, error) {
		return control.AddKey(ctx, s, k, by)
	}
	if c.make(w, r, add) {
		writeJSON(w, http.StatusCreated, keyMade{k.ID, k.Name, k.Scopes.Names(), token})
	}
}

func (c *controls) serveRevokeKey(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	revoke := func(ctx context.Context, s *stream.Stream, by string) (uint64, error) {
		return control.RevokeKey(ctx, s, id, by)
	}
	if c.make(w, r, revoke) {
		w.WriteHeader(http.StatusNoContent)
	}
}
