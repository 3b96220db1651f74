package cli

import (
	"context"
	"fmt"
	"io"
	"time"
)

// run is what a command has sent: how many events were acknowledged, of which type if they have one, and what the
// ledger said before.
type run struct {
	before account
	acked  uint64
	kind   string
}

// outcome is what became of the events of a run, by the ledger: accepted and processed include what others sent
// meanwhile, counted only what others sent of the same type.
type outcome struct {
	accepted, processed, counted uint64
	// listed: the run's type is among those that are counted by name, so counted is known.
	listed bool
}

func (r run) outcome(after account) outcome {
	o := outcome{
		accepted:  after.accepted - min(r.before.accepted, after.accepted),
		processed: after.ended - min(r.before.ended+r.before.pending, after.ended),
	}
	if n, listed := after.types[r.kind]; listed && r.kind != "" {
		o.counted, o.listed = n-min(r.before.types[r.kind], n), true
	}
	return o
}

// complete says whether nothing is missing.
func (r run) complete(o outcome) bool {
	return o.accepted >= r.acked && o.processed >= r.acked && (!o.listed || o.counted >= r.acked)
}

// settling is how long a result that shows more than was sent is looked at again: what was doubled may still be
// under way, and so may what others send.
const settling = 2 * time.Second

// follow waits until nothing of the run is missing, or until nothing has moved for patience.
func (t Target) follow(ctx context.Context, r run, patience time.Duration) (outcome, error) {
	var o outcome
	var complete time.Time // since when nothing is missing
	moved := time.Now()
	for {
		after, err := t.now(ctx, patience)
		if err != nil {
			return o, err
		}
		was := o
		if o = r.outcome(after); o != was {
			moved = time.Now()
		}
		if complete.IsZero() && r.complete(o) {
			complete = time.Now()
		}
		exact := o.accepted == r.acked && o.processed == r.acked
		if r.complete(o) && (exact || time.Since(complete) > settling) {
			return o, nil
		}
		if time.Since(moved) > patience || !pause(ctx, 200*time.Millisecond) {
			return o, nil
		}
	}
}

// compare prints what became of the events of a run, and fails if any is missing or was counted twice.
func (t Target) compare(ctx context.Context, out io.Writer, r run, patience time.Duration) error {
	o, err := t.follow(ctx, r, patience)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "accepted %d  processed %d\n", o.accepted, o.processed)
	return r.verdict(out, o)
}

func (r run) verdict(out io.Writer, o outcome) error {
	switch {
	case !r.complete(o):
		return fmt.Errorf("missing: %d acknowledged, %d accepted, %d processed", r.acked, o.accepted, o.processed)
	case o.listed && o.counted > r.acked:
		return fmt.Errorf("too many: %d of type %q acknowledged, %d counted: they were counted twice, or somebody else sends that type",
			r.acked, r.kind, o.counted)
	case o.accepted > r.acked:
		fmt.Fprintf(out, "%d more were accepted meanwhile; somebody else sends too\n", o.accepted-r.acked)
	}
	return nil
}
