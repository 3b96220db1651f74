package server

import (
	"context"
	"net/url"
)

// given is the URL of a Redis that somebody else runs.
type given string

func (g given) url() string { return string(g) }

func (g given) durable() bool { return false }

// describe leaves out the password.
func (g given) describe() string {
	where := "the given address"
	if u, err := url.Parse(string(g)); err == nil {
		where = u.Redacted()
	}
	return "Redis at " + where + ": what a restart keeps is up to its own settings"
}

func (g given) run(ctx context.Context, ready func()) error {
	ready()
	<-ctx.Done()
	return nil
}
