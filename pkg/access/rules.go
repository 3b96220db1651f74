package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
)

// Rules decide. They never change, and keep nothing of what they are asked.
type Rules struct {
	everyone Scope // what anybody may do without a key, from anywhere
	internal string
	proxies  []netip.Prefix
	hosts    map[string]bool
	origins  map[string]bool
}

// Ask is what somebody wants to do.
type Ask struct {
	Client Client
	Need   Scope
	// Token is what was shown, if Shown: a key that is empty is a wrong one.
	Token string
	Shown bool
}

// Decide lets in or refuses. A ring of nil means that the keys are not known yet: Redis has been away since the start.
// Whoever shows a key is judged by it alone: a wrong one is refused even where nobody needs one, so that a client with
// a revoked key is told, and does not go on as nobody.
func (r *Rules) Decide(ring *Ring, a Ask) (Credential, *Refusal) {
	if a.Shown {
		return r.judge(ring, a)
	}
	nobody := Credential{Scopes: r.unasked(ring, a.Client), Client: a.Client}
	switch {
	case nobody.Scopes.Has(a.Need):
		return nobody, nil
	case ring == nil:
		return Credential{}, notKnownYet
	case !ring.Empty():
		return Credential{}, keyNeeded
	case r.everyone != None:
		return Credential{}, adminClosed // the only scope that --allow-anonymous leaves out
	}
	return Credential{}, elsewhere
}

// judge decides by the key that was shown.
func (r *Rules) judge(ring *Ring, a Ask) (Credential, *Refusal) {
	c, known := r.recognise(ring, a)
	switch {
	case known && c.Scopes.Has(a.Need):
		return c, nil
	case known:
		return Credential{}, lacks(c.Name, a.Need)
	case ring == nil:
		return Credential{}, notKnownYet
	}
	return Credential{}, wrongKey
}

func (r *Rules) recognise(ring *Ring, a Ask) (Credential, bool) {
	if r.Internal(a.Token) {
		return Credential{Name: internalName, Scopes: Read | Admin, Internal: true, Client: a.Client}, true
	}
	k, known := ring.Find(a.Token)
	return Credential{ID: k.ID, Name: k.Name, Scopes: k.Scopes, Client: a.Client}, known
}

// unasked is what a client may do without a key. While the keys are not known, this machine may look what is wrong.
func (r *Rules) unasked(ring *Ring, c Client) Scope {
	switch {
	case !c.Loopback:
		return r.everyone
	case ring == nil:
		return r.everyone | Read
	case ring.Empty():
		return All
	}
	return r.everyone
}

// Internal says whether a token is the key that services show each other. The time that it takes tells nothing.
func (r *Rules) Internal(token string) bool {
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(r.internal))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && r.internal != ""
}

// AsksInternal says whether there is such a key.
func (r *Rules) AsksInternal() bool { return r.internal != "" }
