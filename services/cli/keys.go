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
	// RedisURL has a variable of its own: a REDIS_URL that is there for other reasons must not lead past the gateway,
	// which asks for a key. A password belongs in it, since a command line is there for all to read.
	RedisURL string `name:"redis-url" env:"MILLRACE_KEYS_REDIS_URL" placeholder:"URL" help:"Tell Redis itself, and no gateway: for whoever has no key with the scope admin any more. REDIS_URL is not asked."`
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
	// Ended are those that Redis had lost, and that gateways remembered until this one was made.
	Ended []string `json:"ended"`
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
	if len(made.Ended) > 0 {
		fmt.Fprintf(k.Err, "Redis had lost the keys that there were. With this one they have ended: %s. Make anew those that are to go on.\n",
			strings.Join(made.Ended, ", "))
	}
	fmt.Fprintln(k.Out, made.Token)
	return nil
}

// KeysList lists keys.
type KeysList struct {
	keysTarget `embed:""`

	Out, Err io.Writer `kong:"-"`
}

// Run lists the keys, the oldest first.
func (k KeysList) Run(ctx context.Context) error {
	rows, lost, err := k.rows(ctx)
	if err != nil {
		return err
	}
	if lost {
		fmt.Fprintln(k.Err, "Redis has lost keys; these are what the gateway remembers. Those that Redis has lost can't be revoked, "+
			"and end with the next key that is made or revoked.")
	}
	w := tabwriter.NewWriter(k.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tSCOPES\tCREATED\tBY")
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", row.ID, row.Name, strings.Join(row.Scopes, ","),
			row.Created.Local().Format("2006-01-02 15:04:05 MST"), row.CreatedBy)
	}
	return w.Flush()
}

// rows are the keys; lost: some of them are remembered only.
func (k KeysList) rows(ctx context.Context) (rows []keyRow, lost bool, err error) {
	if k.RedisURL != "" {
		rows, err = keysInRedis{k.RedisURL}.list(ctx)
		return rows, false, err
	}
	var list struct {
		Keys []keyRow
		Lost bool
	}
	err = k.tell(ctx, http.MethodGet, "/api/keys", nil, &list)
	return list.Keys, list.Lost, err
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
