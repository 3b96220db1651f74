package produce

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

//go:embed claim.lua
var claimSource string

var claimScript = redis.NewScript(claimSource)

// ErrOtherBody says that an idempotency key was used before, for a request with another body.
var ErrOtherBody = errors.New("the idempotency key was used for another body")

// Claim is a request that names itself by an idempotency key, so that it can be repeated and is stored once.
type Claim struct {
	// Known: the key was claimed before, by this same request. What was stored of it is recognised by the append.
	Known bool
	// Session is what its events are appended under, with the numbers 1, 2, 3… in each repetition alike.
	Session *Session
	// Partition is for its events without a partitionkey.
	Partition int

	name [sha256.Size]byte
}

// ClaimKey claims an idempotency key of a credential for a request with a body of that SHA-256. The same key with
// another body is ErrOtherBody, until the claim ends after life. Unless make is set nothing is written: a key that
// nobody has claimed is then neither Known nor made, for who wants to ask something of a new key first.
//
// The marks of what is stored under it live longer than the claim, so that a repetition which comes in the last moment,
// and then has to wait, still finds them.
func ClaimKey(ctx context.Context, s *stream.Stream, credential, key string, body [sha256.Size]byte, life time.Duration, make bool) (Claim, error) {
	c := newClaim(s, credential, key, body, life)
	id := digest([]byte(credential), []byte(key))
	flag := "0"
	if make {
		flag = "1"
	}
	keys := []string{stream.KeysOf(c.Partition).Claim(hex.EncodeToString(id[:16]))}
	said, err := claimScript.Run(ctx, s.Redis(), keys, hex.EncodeToString(body[:]), millis(life), flag).Text()
	if err != nil {
		return Claim{}, fmt.Errorf("claiming an idempotency key: %w", stream.Classify(err))
	}
	if said == "other" {
		return Claim{}, ErrOtherBody
	}
	c.Known = said == "known"
	return c, nil
}

// claimMargin is longer than a request may take from its claim to its append.
const claimMargin = time.Hour

// newClaim names the session by credential, key and body. The body belongs to it: marks may outlive their claim, and
// then the key is free for another body, whose events must not be taken for those that are stored. And two requests that
// race for one key can't swallow each other's events, whatever became of the claim meanwhile (Redis may have lost it).
func newClaim(s *stream.Stream, credential, key string, body [sha256.Size]byte, life time.Duration) Claim {
	name := digest([]byte(credential), []byte(key), body[:])
	return Claim{
		Session:   &Session{stream: s, id: hex.EncodeToString(name[:16]), remember: life + claimMargin, marks: make([]uint64, s.Partitions())},
		Partition: s.Partition([]byte(key)),
		name:      name,
	}
}

// ID is the id of the request's event with that number, where the sender gave none: the same in each repetition, so that
// a repetition answers as the first did. It is a UUID of version 8 (RFC 9562, 5.8), cut from a SHA-256.
func (c Claim) ID(number uint64) string {
	sum := digest(c.name[:], binary.BigEndian.AppendUint64(nil, number))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80 // version
	id[8] = id[8]&0x3f | 0x80 // variant
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// digest hashes parts, each after its length: no two lists of parts are the same bytes.
func digest(parts ...[]byte) [sha256.Size]byte {
	var b []byte
	for _, part := range parts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}
