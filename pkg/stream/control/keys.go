package control

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
)

// MostKeys bounds the keys: every gateway has all of them, and reads them again after every change.
const MostKeys = 10_000

// Why a key is not added, or not revoked. Nothing was changed.
var (
	// ErrNoAdmin: no key with the scope admin would be left, or be there to begin with, while there are others.
	ErrNoAdmin = errors.New("no key would have the scope admin, so nobody could make or revoke any: make one with admin first")
	// ErrUnknownKey: no key has that id. It was never made, or is revoked.
	ErrUnknownKey = errors.New("no key has this id")
	// ErrTooManyKeys: there are MostKeys.
	ErrTooManyKeys = fmt.Errorf("there are %d keys: revoke some first", MostKeys)
	// ErrKeyTaken: another key has that id, by chance.
	ErrKeyTaken = errors.New("another key has this id: make another")
)

// AddKey makes a key valid on all gateways. Its time is Redis's. Adding the same key again, because the first answer was
// lost, changes nothing.
func AddKey(ctx context.Context, s *stream.Stream, k access.Key, by string) (version uint64, err error) {
	text, err := json.Marshal(storedKey{k.Name, k.Scopes.Names(), hex.EncodeToString(k.Hash[:]), k.CreatedBy})
	if err != nil {
		return 0, fmt.Errorf("writing a key: %w", err)
	}
	admin := "-"
	if k.Scopes.Has(access.Admin) {
		admin = "a"
	}
	c := Change{By: by, What: fmt.Sprintf("key created: %s (%s) for %s", k.ID, k.Name, k.Scopes)}
	return run(ctx, s, keysScript, c, "add", k.ID, admin, string(text), MostKeys)
}

// RevokeKey makes a key open nothing any more, on all gateways.
func RevokeKey(ctx context.Context, s *stream.Stream, id, by string) (version uint64, err error) {
	return run(ctx, s, keysScript, Change{By: by, What: "key revoked: " + id}, "revoke", id)
}

// storedKey is a key as it is stored: by its id, after the time when it was made and whether it has admin.
type storedKey struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Hash   string   `json:"hash"`
	By     string   `json:"by"`
}

// readKey reads what AddKey has written. A scope that a newer version knows opens nothing here.
func readKey(id, text string) (access.Key, error) {
	at, rest, err := cutTime(text)
	if err != nil {
		return access.Key{}, err
	}
	_, rest, _ = strings.Cut(rest, " ")
	var stored storedKey
	if err := json.Unmarshal([]byte(rest), &stored); err != nil {
		return access.Key{}, err
	}
	k := access.Key{ID: id, Name: stored.Name, Created: time.UnixMilli(at).UTC(), CreatedBy: stored.By}
	for _, name := range stored.Scopes {
		if scope, err := access.ParseScopes(name); err == nil {
			k.Scopes |= scope
		}
	}
	hash, err := hex.DecodeString(stored.Hash)
	if err != nil || len(hash) != len(k.Hash) {
		return access.Key{}, errors.New("its hash can't be read")
	}
	copy(k.Hash[:], hash)
	return k, nil
}
