package cli

import (
	"context"
	"errors"
	"time"
)

// figures are those of /api/stats that commands use; null is nil.
type figures struct {
	Time   *time.Time `json:"time"`
	Totals struct {
		Accepted   *uint64 `json:"accepted"`
		Duplicates *uint64 `json:"duplicates"`
		Rejected   *uint64 `json:"rejected"`
		Dropped    *uint64 `json:"dropped"`
		Processed  *uint64 `json:"processed"`
		Filtered   *uint64 `json:"filtered"`
		Retried    *uint64 `json:"retried"`
		Dead       *uint64 `json:"dead"`
		Pending    *uint64 `json:"pending"`
	} `json:"totals"`
	Rates struct {
		In  *float64 `json:"in_per_s"`
		Out *float64 `json:"out_per_s"`
	} `json:"rates"`
	Latency struct {
		Ack      quantiles `json:"ack"`
		EndToEnd quantiles `json:"end_to_end"`
		Handler  quantiles `json:"handler"`
	} `json:"latency_ms"`
	Buffer struct {
		Size     *uint64 `json:"size"`
		Capacity *uint64 `json:"capacity"`
	} `json:"buffer"`
	Connections struct {
		WebSocket *uint64 `json:"websocket"`
		SSE       *uint64 `json:"sse"`
	} `json:"connections"`
	Pipelines []pipelineFigures `json:"pipelines"`
	Types     []struct {
		Type  string `json:"type"`
		Count uint64 `json:"count"`
	} `json:"types"`
	Instances []struct {
		ID      string    `json:"id"`
		Service string    `json:"service"`
		Up      bool      `json:"up"`
		Started time.Time `json:"started"`
		Version string    `json:"version"`
	} `json:"instances"`
}

type quantiles struct {
	P50 *float64 `json:"p50"`
	P95 *float64 `json:"p95"`
	P99 *float64 `json:"p99"`
}

type pipelineFigures struct {
	Name       string   `json:"name"`
	LagEvents  *uint64  `json:"lag_events"`
	LagSeconds *float64 `json:"lag_seconds"`
	Pending    *uint64  `json:"pending"`
	Processed  *uint64  `json:"processed"`
	Filtered   *uint64  `json:"filtered"`
	Retried    *uint64  `json:"retried"`
	Dead       *uint64  `json:"dead"`
}

// builtin is the pipeline that always runs: it counts every event.
const builtin = "count"

// account is what has become of events, at one moment: what came in, what came to an end, and what is between.
type account struct {
	at                       time.Time
	accepted, ended, pending uint64
	// types counts the most frequent types. One that is not listed may have been counted all the same.
	types map[string]uint64
}

// account reads the totals; ok is false while stats does not know them.
func (f figures) account() (a account, ok bool) {
	if f.Time == nil || f.Totals.Accepted == nil {
		return a, false
	}
	a.at, a.accepted, a.types = *f.Time, *f.Totals.Accepted, map[string]uint64{}
	for _, row := range f.Types {
		a.types[row.Type] = row.Count
	}
	for _, p := range f.Pipelines {
		if p.Name == builtin && p.Processed != nil && p.Filtered != nil && p.Dead != nil && p.Pending != nil {
			a.ended, a.pending = *p.Processed+*p.Filtered+*p.Dead, *p.Pending
			return a, true
		}
	}
	return a, *f.Totals.Accepted == 0 // before the first event no pipeline needs to have an account
}

// errNoTotals: the gateway answers, and stats has not told it the totals.
var errNoTotals = errors.New("stats does not know the totals yet")

// now asks for the account until there is one, for at most the given time.
func (t Target) now(ctx context.Context, most time.Duration) (account, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		var f figures
		err := t.ask(ctx, "/api/stats", &f)
		if err == nil {
			if a, ok := f.account(); ok {
				return a, nil
			}
			err = errNoTotals
		}
		if errors.Is(err, errNotAllowed) || CodeOf(err) == ExitUsage { // asked again it would end the same
			return account{}, err
		}
		if !pause(ctx, 200*time.Millisecond) {
			return account{}, unavailable(err)
		}
	}
}

// pause waits, or returns false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
