package stream

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff doubles a wait from Least to Most and spreads it (full jitter above half), so that a fleet that lost
// Redis at one moment does not come back at one moment. The guide: 2^n.
type Backoff struct {
	Least, Most time.Duration
	tries       int
}

// Next is how long to wait before the next try.
func (b *Backoff) Next() time.Duration {
	d := min(b.Least<<min(b.tries, 20), b.Most)
	b.tries++
	return d/2 + rand.N(d/2+1)
}

// Reset begins anew, after a success.
func (b *Backoff) Reset() { b.tries = 0 }

// Sleep waits for d, or until ctx ends and then returns its error.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
