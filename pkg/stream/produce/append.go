package produce

import (
	"context"
	_ "embed"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/ledger"
)

//go:embed append.lua
var appendSource string

var appendScript = redis.NewScript(appendSource)

// Appender stores batches. One serves one lane, so it is used by one goroutine at a time.
type Appender struct {
	stream   *stream.Stream
	instance string
	remember time.Duration
	// anonymous is the highest number given to an anonymous event, by partition.
	anonymous []uint64
	// memory is what was in the partitions when this appender last looked; lost counts what is no longer there.
	memory ledger.Memory
	lost   atomic.Uint64
	// fences counts them, so that each has a value of its own.
	fences uint64
	// Trouble, if set, hears of every failed try, and of nil when one succeeds after it.
	Trouble  func(error)
	troubled bool
}

// NewAppender returns an appender for one lane of a gateway. Anonymous events share one session a gateway start and
// partition: instance must be unique per start. Marks are kept for remember after their last use.
func NewAppender(s *stream.Stream, instance string, remember time.Duration) *Appender {
	return &Appender{stream: s, instance: instance, remember: remember, anonymous: make([]uint64, s.Partitions())}
}

// Append stores the batches, of which each is for another partition, in one round trip. What fails is tried
// again in place, with the same content, until it is stored or ctx ends: so what follows can't overtake it.
// Stored is what is as durable as the stream's demand says; while Redis can't give that, nothing is sent.
// It returns nil when every batch is done; else each batch's Stored.Done says which are.
//
// Errors: ctx's, and what waiting can't mend: stream.ErrPartitions, stream.ErrLimits, stream.ErrDenied.
func (a *Appender) Append(ctx context.Context, batches []*Batch) error {
	open := make([]*attempt, len(batches))
	for i, b := range batches {
		open[i] = a.begin(b)
	}
	wait := stream.Backoff{Least: 20 * time.Millisecond, Most: 2 * time.Second}
	for len(open) > 0 {
		open = a.try(ctx, open)
		if len(open) == 0 {
			break
		}
		if err := a.pause(ctx, open, &wait); err != nil {
			return err
		}
	}
	return nil
}

// pause waits before the next try if the last one failed, and not at all if it only has to be repeated in
// another form.
func (a *Appender) pause(ctx context.Context, open []*attempt, wait *stream.Backoff) error {
	err := worst(open)
	if err == nil {
		return ctx.Err()
	}
	if !stream.Transient(err) {
		return err
	}
	a.report(err)
	if err := stream.Sleep(ctx, wait.Next()); err != nil {
		return fmt.Errorf("appending: %w", err)
	}
	if a.stream.Demand() != (stream.Demand{}) {
		_, _ = a.stream.Look(ctx) // the next try is at another connection, perhaps another server; it says what is wrong
	}
	return nil
}

func (a *Appender) report(err error) {
	if a.Trouble != nil && (err != nil || a.troubled) {
		a.Trouble(err)
	}
	a.troubled = err != nil
}

// try sends every open attempt once and returns those that are not done.
func (a *Appender) try(ctx context.Context, open []*attempt) []*attempt {
	if p := a.stream.Promised(); p.Below {
		for _, t := range open {
			t.err = fmt.Errorf("%w: %s", stream.ErrUnconfirmed, p.Why)
		}
		return open
	}
	for _, f := range a.flights(ctx, open) {
		a.send(ctx, f)
	}
	var rest []*attempt
	for _, t := range open {
		if !t.batch.Stored.Done {
			rest = append(rest, t)
		}
	}
	if len(rest) < len(open) {
		a.report(nil)
	}
	return rest
}

// send makes one round trip. Only what the confirmation at its end covers counts as stored, also what was stored
// before: the server that recognises it may not be the one that stored it, or not for long.
func (a *Appender) send(ctx context.Context, f flight) {
	pipe := f.to.Pipeline()
	cmds := make([]*redis.Cmd, len(f.attempts))
	for i, t := range f.attempts {
		keys, args := a.arguments(t)
		cmds[i] = appendScript.EvalSha(ctx, pipe, keys, args...)
	}
	confirmed := a.confirm(ctx, pipe, f.attempts[0].batch.Partition)
	_, _ = pipe.Exec(ctx) // each command carries its own error
	for i, t := range f.attempts {
		a.settle(ctx, t, cmds[i])
	}
	err := confirmed.err()
	for _, t := range f.attempts {
		switch {
		case err != nil:
			t.unconfirmed(err)
		case t.decided:
			a.noted(t)
			t.done()
		}
	}
}

// settle reads the outcome of one attempt.
func (a *Appender) settle(ctx context.Context, t *attempt, cmd *redis.Cmd) {
	reply, err := cmd.StringSlice()
	t.err = nil
	switch {
	case redis.HasErrorPrefix(err, "NOSCRIPT"): // it has not run
		t.err = appendScript.Load(ctx, a.stream.Redis()).Err()
	case err != nil:
		t.fail(stream.Classify(err))
	case reply[0] == "stored":
		t.decided = true
		a.remembered(t, reply[1:])
	case reply[0] == "repeated":
		t.err = t.cut(reply[1:], a.renumber)
	default: // unprepared, or differs: Prepare says which, and mends the first
		t.err = a.stream.Prepare(ctx, t.batch.Partition)
	}
}

// arguments builds the call for what is left of a batch.
func (a *Appender) arguments(t *attempt) (keys []string, args []any) {
	k := stream.KeysOf(t.batch.Partition)
	blob := t.blob()
	keys = append(make([]string, 0, 4+len(t.parts)), k.Events(), k.Ledger(), k.Layout(), k.Epoch())
	args = append(make([]any, 0, 6+2*len(t.parts)),
		a.stream.Partitions(), a.stream.Limits(), blob, t.events(), t.duplicates, millis(a.life(t.batch)))
	t.sent = t.sent[:0]
	for i := range t.parts {
		p := &t.parts[i]
		if p.left() == 0 {
			continue
		}
		t.sent = append(t.sent, i)
		keys = append(keys, k.Mark(a.sessionID(p.part)))
		first, last := p.numbers()
		args = append(args, first, last)
	}
	return keys, args
}

// life is how long the marks of a batch are kept: as long as the session in it that is remembered longest.
func (a *Appender) life(b *Batch) time.Duration {
	life := a.remember
	for i := range b.Parts {
		if s := b.Parts[i].Session; s != nil {
			life = max(life, s.remember)
		}
	}
	return life
}

func (a *Appender) sessionID(p *Part) string {
	if p.Session == nil {
		return a.instance
	}
	return p.Session.id
}

// begin takes up a batch: its anonymous events get their numbers now and keep them through all tries.
func (a *Appender) begin(b *Batch) *attempt {
	b.Stored = Stored{}
	t := &attempt{batch: b, parts: make([]openPart, len(b.Parts))}
	for i := range b.Parts {
		t.parts[i].part = &b.Parts[i]
		if b.Parts[i].Session == nil {
			t.parts[i].first = a.number(b.Partition, b.Parts[i].Events)
		}
	}
	return t
}

// number gives out the next numbers of the anonymous session in a partition.
func (a *Appender) number(partition, events int) (first uint64) {
	first = a.anonymous[partition] + 1
	a.anonymous[partition] += uint64(events)
	return first
}

// renumber moves an anonymous part past a mark that is not of our making. It can't happen while instances are
// unique; if it does, nothing may be lost by it.
func (a *Appender) renumber(partition int, mark uint64, events int) (first uint64) {
	a.anonymous[partition] = max(a.anonymous[partition], mark)
	return a.number(partition, events)
}
