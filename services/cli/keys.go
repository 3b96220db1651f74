package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"millrace.dev/pkg/access"
)

// Keys are the commands about API keys.
type Keys struct {
	Create KeysCreate `cmd:"" help:"Make a key, and print its token: it is shown once."`
	List   KeysList   `cmd:"" help:"List the keys that are valid."`
	Revoke KeysRevoke `cmd:"" help:"Make a key open nothing any more."`
}

// keysTarget is who is told: a gateway, or Redis itself.
type keysTarget struct {
	Target `embed:""`
	// RedisURL is a flag alone: a REDIS_URL that is there for other reasons must not lead past the gateway, which asks
	// for a key.
	RedisURL string `name:"redis-url" env:"-" placeholder:"URL" help:"Tell Redis itself, and no gateway: for whoever has no key with the scope admin any more. The environment is not asked."`
}

// keyRow is a key as it is listed.
type keyRow struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Scopes    []string  `json:"scopes"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

// keyMade is a new key with its token.
type keyMade struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Token  string   `json:"token"`
}

// KeysCreate makes a key.
type KeysCreate struct {
	keysTarget `embed:""`
	Name       string   `arg:"" help:"Whose it is: letters, digits, -, _ and . Events and refusals are counted under it."`
	Scope      []string `name:"scope" env:"-" required:"" enum:"publish,read,admin" help:"What it opens: publish (send events), read (statistics, streams), admin (debug, control, keys). Several may be named."`

	Out, Err io.Writer `kong:"-"`
}

// Help is what kong shows below the summary.
func (KeysCreate) Help() string {
	return `The token goes to standard output and nowhere else; what is kept of it is a hash. The first key must have the scope admin.
From the first key on, all clients need one, also those of this machine.

  millrace keys create root --scope admin --scope read
  KEY=$(millrace keys create shop --scope publish)
  millrace keys create rescue --scope admin --redis-url redis://127.0.0.1:6379`
}

// Run makes the key.
func (k KeysCreate) Run(ctx context.Context) error {
	scopes, err := access.ParseScopes(k.Scope...)
	if err = errors.Join(access.CheckName(k.Name), err); err != nil {
		return usage("%w", err)
	}
	var made keyMade
	if k.RedisURL != "" {
		made, err = keysInRedis{k.RedisURL}.create(ctx, k.Name, scopes)
	} else {
		body := map[string]any{"name": k.Name, "scopes": scopes.Names()}
		err = k.tell(ctx, http.MethodPost, "/api/keys", body, &made)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(k.Err, "key %s of %s: %s. Its token is shown only now.\n", made.ID, made.Name, strings.Join(made.Scopes, ", "))
	fmt.Fprintln(k.Out, made.Token)
	return nil
}

// KeysList lists keys.
type KeysList struct {
	keysTarget `embed:""`

	Out io.Writer `kong:"-"`
}

// Run lists the keys, the oldest first.
func (k KeysList) Run(ctx context.Context) error {
	rows, err := k.rows(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(k.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tSCOPES\tCREATED\tBY")
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", row.ID, row.Name, strings.Join(row.Scopes, ","),
			row.Created.Local().Format("2006-01-02 15:04:05 MST"), row.CreatedBy)
	}
	return w.Flush()
}

func (k KeysList) rows(ctx context.Context) ([]keyRow, error) {
	if k.RedisURL != "" {
		return keysInRedis{k.RedisURL}.list(ctx)
	}
	var list struct{ Keys []keyRow }
	err := k.tell(ctx, http.MethodGet, "/api/keys", nil, &list)
	return list.Keys, err
}

// KeysRevoke revokes a key.
type KeysRevoke struct {
	keysTarget `embed:""`
	ID         string `arg:"" help:"Which one: its id, as 'keys list' shows it."`

	Out io.Writer `kong:"-"`
}

// Run revokes the key.
func (k KeysRevoke) Run(ctx context.Context) (err error) {
	if !isKeyID(k.ID) {
		return usage("%.20q is no id of a key: 'keys list' shows them", k.ID)
	}
	if k.RedisURL != "" {
		err = keysInRedis{k.RedisURL}.revoke(ctx, k.ID)
	} else {
		err = k.tell(ctx, http.MethodDelete, "/api/keys/"+k.ID, nil, nil)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(k.Out, "key %s is revoked\n", k.ID)
	return nil
}

// isKeyID says whether that may be an id. A token is none, and must not get into a URL.
func isKeyID(text string) bool {
	other := func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }
	return text != "" && !strings.ContainsFunc(text, other)
}
