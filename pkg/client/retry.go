package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// longestWish is the longest wait that a gateway's wish is followed for.
const longestWish = 5 * time.Minute

// later is an end with the gateway's wish when to come again.
type later struct {
	error
	after time.Duration
	// instead of backing off: it goes away, and another one is there.
	instead bool
}

func (l *later) Unwrap() error { return l.error }

// wish is a wait as it is followed.
func wish(n int64, unit time.Duration) time.Duration {
	if n < 0 {
		return 0
	}
	return time.Duration(min(n, int64(longestWish/unit))) * unit
}

// retryAfter reads the header, in seconds; a date is not used by gateways.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseInt(h.Get("Retry-After"), 10, 64)
	if err != nil {
		return 0
	}
	return wish(n, time.Second)
}

// retry is the guide's ReconnectingWebSocket: from least to most by half each time, with full jitter.
type retry struct {
	least, most time.Duration
	tries       int
}

// pause is how long to wait after a connection that lived so long and ended so. Clients of one gateway get the same wish,
// so it is spread too; and a gateway that goes away as soon as it is there is backed off from.
func (r *retry) pause(err error, lived time.Duration) time.Duration {
	if lived > r.most {
		r.tries = 0
	}
	l, ok := errors.AsType[*later](err)
	switch {
	case !ok:
		return r.next()
	case l.instead && lived >= r.least:
		r.tries = 0
		return l.after + rand.N(l.after/2+1)
	}
	return l.after + r.next()
}

func (r *retry) next() time.Duration {
	d := float64(r.least)
	for range r.tries {
		if d >= float64(r.most) {
			break
		}
		d *= 1.5
	}
	r.tries++
	return rand.N(min(time.Duration(d), r.most) + 1)
}

// sleep waits for so long, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
