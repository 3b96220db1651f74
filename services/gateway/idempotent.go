package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/produce"
)

// keyHeader names a request, so that it can be repeated and is stored once.
const keyHeader = "Idempotency-Key"

// codeKeyReused: the key was used for another body.
const codeKeyReused = "idempotency_key_reused"

// parseKey reads the request's key; "" is that it has none.
func parseKey(r *http.Request) (string, error) {
	all := r.Header.Values(keyHeader)
	if len(all) == 0 {
		return "", nil
	}
	key := all[0]
	switch {
	case len(all) > 1:
		return "", errors.New("header " + keyHeader + " occurs twice")
	case key == "" || len(key) > longestSession:
		return "", fmt.Errorf("header %s has %d characters; 1 to %d are taken", keyHeader, len(key), longestSession)
	case strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }):
		return "", errors.New("header " + keyHeader + ": only visible ASCII characters and spaces are allowed")
	case guessable(access.From(r.Context()), key):
		return "", fmt.Errorf("header %s: %d characters are fewer than %d: it must be hard to guess", keyHeader, len(key), shortestSession)
	}
	return key, nil
}

// claim claims a request's key for its body, before anything of it is taken. New keys are limited, since Redis
// remembers each for a day; one that is known is not: so Redis is asked first, and made to remember then.
func (g *Gateway) claim(ctx context.Context, who *sender, key string, body []byte) (*produce.Claim, *event.Refusal) {
	sum := sha256.Sum256(body)
	c, refusal := g.tryClaim(ctx, who, key, sum, false)
	if refusal != nil || c.Known {
		return c, refusal
	}
	if refusal := g.newSession(who); refusal != nil {
		return nil, refusal
	}
	return g.tryClaim(ctx, who, key, sum, true)
}

func (g *Gateway) tryClaim(ctx context.Context, who *sender, key string, body [sha256.Size]byte, make bool) (*produce.Claim, *event.Refusal) {
	c, err := g.claimKey(ctx, who.credential.ID, key, body, make)
	switch {
	case errors.Is(err, produce.ErrOtherBody):
		return nil, event.Refuse(codeKeyReused, "header "+keyHeader+": it was used for another body: each request needs its own")
	case errors.Is(err, stream.ErrFull):
		return nil, g.full()
	case err != nil:
		g.log.Debug("an idempotency key can't be claimed now", "error", err.Error())
		return nil, refuseRedis
	}
	return &c, nil
}

// claimTimeout bounds the wait for Redis to take a key.
const claimTimeout = 10 * time.Second

// claimFromStream claims a key in Redis.
func (g *Gateway) claimFromStream(ctx context.Context, credential, key string, body [sha256.Size]byte, make bool) (produce.Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	return produce.ClaimKey(ctx, g.stream, credential, key, body, g.config.SessionTTL, make)
}
