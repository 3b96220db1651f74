package access

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Ring is a set of keys. It never changes: who learns of other keys makes another ring. The nil Ring is empty.
type Ring struct{ keys map[string]Key }

// NewRing makes a ring of keys.
func NewRing(keys []Key) *Ring {
	r := &Ring{keys: make(map[string]Key, len(keys))}
	for _, k := range keys {
		r.keys[k.ID] = k
	}
	return r
}

// Empty says whether no key is set.
func (r *Ring) Empty() bool { return r == nil || len(r.keys) == 0 }

// Find returns the key of a token. How long it takes tells nothing of the secret: ids are public, and the rest is
// compared as hashes, in constant time.
func (r *Ring) Find(token string) (Key, bool) {
	if r == nil {
		return Key{}, false
	}
	k, known := r.keys[idOf(token)]
	hash := sha256.Sum256([]byte(token))
	same := subtle.ConstantTimeCompare(hash[:], k.Hash[:]) == 1
	return k, known && same
}

// Holds says whether the key of that id is still in the ring: one that was revoked is not.
func (r *Ring) Holds(id string) bool {
	if r == nil {
		return false
	}
	_, known := r.keys[id]
	return known
}
