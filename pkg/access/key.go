package access

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Key is what is kept of an API key: enough to recognise it, not enough to show it.
type Key struct {
	// ID is public: it names the key in lists and logs.
	ID string
	// Name says whose it is: the credential that its events and refusals are counted under.
	Name   string
	Scopes Scope
	// Hash is SHA-256 of the token. A token has 130 random bits, so nothing slower is needed.
	Hash    [sha256.Size]byte
	Created time.Time
	// CreatedBy is the credential that made it.
	CreatedBy string
}

// A token is mr_<id>_<secret>: letters, digits and underscores, so that it can be a WebSocket subprotocol
// (millrace.key.<token>) and is selected by a double click.
const (
	tokenPrefix = "mr_"
	idLength    = 8
	longestName = 64
)

// Names in records of those without a key of their own, which no key may have.
const (
	internalName  = "internal"
	anonymousName = "anonymous"
)

// Mint makes a key and its token. The token is shown once and kept nowhere.
func Mint(name string, scopes Scope, by string, now time.Time) (k Key, token string, err error) {
	if err := CheckName(name); err != nil {
		return Key{}, "", err
	}
	if scopes == None {
		return Key{}, "", errors.New("scopes: none is named")
	}
	id := strings.ToLower(rand.Text()[:idLength])
	token = tokenPrefix + id + "_" + rand.Text()
	return Key{
		ID: id, Name: name, Scopes: scopes, Hash: sha256.Sum256([]byte(token)), Created: now.UTC(), CreatedBy: by,
	}, token, nil
}

// CheckName says what is wrong with the name of a credential. It becomes part of the source of events, a label of
// metrics and a column of lists.
func CheckName(name string) error {
	if name == "" || len(name) > longestName {
		return fmt.Errorf("name: it has %d characters; 1 to %d are taken", len(name), longestName)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return fmt.Errorf("name: %q has other characters than letters, digits, -, _ and .", name)
		}
	}
	if lower := strings.ToLower(name); lower == internalName || lower == anonymousName || strings.Trim(name, ".") == "" {
		return fmt.Errorf("name: %q is not taken: it would look like another thing in records", name)
	}
	return nil
}

// idOf is the id that a token names, or "".
func idOf(token string) string {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(rest) <= idLength || rest[idLength] != '_' {
		return ""
	}
	return rest[:idLength]
}
