package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
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
	state := c.state()
	for _, k := range state.Keys {
		rows = append(rows, keyRow{k.ID, k.Name, k.Scopes.Names(), k.Created, k.CreatedBy})
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": rows, "lost": state.LostKeys})
}

// errLostKey: a key is in force here that Redis holds no more, so it can't be revoked there.
var errLostKey = errors.New("Redis has lost this key, so it can't be revoked there; gateways that remember it let it in. " +
	"All that Redis has lost end when a key is made: make one with the scope admin (`millrace keys create NAME --scope admin`), " +
	"then anew those that are to go on")

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
	// Ended are the ids of those that Redis had lost, and that were remembered until this key was made.
	Ended []string `json:"ended,omitempty"`
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
	before := c.state()
	if c.make(w, r, add) {
		writeJSON(w, http.StatusCreated, keyMade{k.ID, k.Name, k.Scopes.Names(), token, ended(before, c.state())})
	}
}

func (c *controls) serveRevokeKey(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	revoke := func(ctx context.Context, s *stream.Stream, by string) (uint64, error) {
		version, err := control.RevokeKey(ctx, s, id, by)
		if errors.Is(err, control.ErrUnknownKey) && slices.ContainsFunc(c.state().Keys, func(k access.Key) bool { return k.ID == id }) {
			err = errLostKey
		}
		return version, err
	}
	if c.make(w, r, revoke) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// ended are the ids of keys that were remembered only, and are no more.
func ended(before, now control.State) []string {
	if !before.LostKeys {
		return nil
	}
	var ids []string
	for _, k := range before.Keys {
		if !slices.Contains(now.Keys, k) {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// tellOfKeys says in the log which keys end without having been revoked, and which Redis holds although they were.
func (c *controls) tellOfKeys(last, now control.State) {
	if ids := ended(last, now); len(ids) > 0 {
		c.log.Warn("keys that Redis had lost end, for keys were said anew", "keys", ids)
	}
	if len(now.CameBack) > 0 && !slices.Equal(now.CameBack, last.CameBack) {
		c.log.Error("Redis was restored with keys that were revoked; they open nothing here, but would after a restart: "+
			"revoke them again", "keys", now.CameBack)
	}
}
