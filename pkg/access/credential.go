package access

import "context"

// Credential is who was let in, and what they may do.
type Credential struct {
	// ID is the key's; empty for those without a key. A session belongs to it.
	ID string
	// Name is the key's: sources, counters and records of changes carry it. Empty for those without a key.
	Name   string
	Scopes Scope
	// Internal: it showed the key that services show each other.
	Internal bool
	// Client is where the request came from.
	Client Client
}

// Anonymous says that no key was shown.
func (c Credential) Anonymous() bool { return c.ID == "" && !c.Internal }

// By names the credential in records of who did what: a key with its id, since several may have one name.
func (c Credential) By() string {
	switch {
	case c.ID != "":
		return c.Name + " (" + c.ID + ")"
	case c.Name != "":
		return c.Name
	case c.Client.Loopback:
		return "this machine"
	}
	return anonymousName
}

type contextKey struct{}

// With returns a context that carries a credential.
func With(ctx context.Context, c Credential) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns the credential of a context; without one, that of nobody from nowhere, who may do nothing.
func From(ctx context.Context) Credential {
	c, _ := ctx.Value(contextKey{}).(Credential)
	return c
}
