package access

import (
	"fmt"
	"strings"
)

// Scope is a set of things that somebody may do.
type Scope uint8

// The scopes. Health, and the page's own files, need none.
const (
	// Publish: send events.
	Publish Scope = 1 << iota
	// Read: statistics, diagnosis, metrics, streams and tails.
	Read
	// Admin: debug, control, dead letters, keys.
	Admin

	// None is what nobody needs to be given.
	None Scope = 0
	// All scopes.
	All = Publish | Read | Admin
)

// scopeNames are as they are written, in the order of their bits.
var scopeNames = []string{"publish", "read", "admin"}

// Has says whether s contains all of need.
func (s Scope) Has(need Scope) bool { return s&need == need }

// Names of the scopes in s.
func (s Scope) Names() []string {
	names := []string{}
	for i, name := range scopeNames {
		if s.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// String is the scopes' names, with commas between them.
func (s Scope) String() string { return strings.Join(s.Names(), ",") }

// ParseScopes reads names of scopes. At least one is needed: a key without any opens nothing.
func ParseScopes(names ...string) (Scope, error) {
	var s Scope
	for _, name := range names {
		one, err := parseScope(name)
		if err != nil {
			return None, err
		}
		s |= one
	}
	if s == None {
		return None, fmt.Errorf("scopes: none is named; there are %s", strings.Join(scopeNames, ", "))
	}
	return s, nil
}

func parseScope(name string) (Scope, error) {
	for i, known := range scopeNames {
		if name == known {
			return 1 << i, nil
		}
	}
	return None, fmt.Errorf("scopes: %.20q is none of %s", name, strings.Join(scopeNames, ", "))
}
