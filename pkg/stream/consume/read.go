package consume

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/stream"
)

// read is the reader of one partition. It ends when ctx does, or with what waiting can't mend.
func (r *run) read(ctx context.Context, l *lane) error {
	wait := stream.Backoff{Least: 50 * time.Millisecond, Most: 5 * time.Second}
	for {
		err := r.fetch(ctx, l)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			wait.Reset()
			continue
		case !stream.Transient(err):
			return fmt.Errorf("reading partition %d: %w", l.number, err)
		}
		if stream.Sleep(ctx, wait.Next()) != nil {
			return nil
		}
	}
}

// fetch reads once. After an error nobody knows whether Redis has given us entries that we never saw: what we own is
// looked at before more is asked for.
func (r *run) fetch(ctx context.Context, l *lane) error {
	if err := l.await(ctx, r.config.Lease); err != nil {
		return err
	}
	if l.takeDoubt() {
		return r.resolve(ctx, l)
	}
	name := l.name()
	found, err := r.reader.XReadGroup(ctx, r.asking(l, name)).Result()
	if errors.Is(err, redis.Nil) { // nothing came within the time
		err = nil
	}
	if ctx.Err() == nil {
		r.outage.report(l.reading(), exceptGroup(err))
	}
	if err != nil {
		l.doubtful()
		return r.regroup(ctx, l, err)
	}
	for _, s := range found {
		r.received(l, s.Messages)
	}
	if l.name() != name { // the lease lapsed while Redis gave these to our old name
		return r.adopt(ctx, l, name)
	}
	return nil
}

// asking is the read that there is room for.
func (r *run) asking(l *lane, name string) *redis.XReadGroupArgs {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &redis.XReadGroupArgs{
		Group: r.config.Pipeline, Consumer: name, Streams: []string{l.keys.Events(), ">"},
		Count: int64(l.room.entries(l.typical)), Block: r.block(),
	}
}

// block is how long a read waits for entries: so long does it take until a reader notices that its name has changed.
func (r *run) block() time.Duration { return min(2*time.Second, r.config.Lease/4) }

// received takes up what was read.
func (r *run) received(l *lane, messages []redis.XMessage) {
	sum := size{entries: len(messages)}
	for _, m := range messages {
		body, _ := m.Values["b"].(string)
		sum.events += r.take(l, delivered{id: m.ID, body: body, attempt: 1})
		sum.bytes += len(body)
	}
	if sum.entries > 0 {
		l.mu.Lock()
		l.typical = sum
		l.mu.Unlock()
	}
}

// take admits one entry and hands it to the dispatcher, or, if it can't be handled, straight to the settler. It
// returns the number of events.
func (r *run) take(l *lane, d delivered) int {
	e := r.entries.Get().(*entry)
	fault := e.open(l, d)
	count := e.count
	if !l.admit(e) {
		r.entries.Put(e)
		return count
	}
	if fault != nil {
		r.log.Error("an entry can't be handled and goes to the dead letters",
			"partition", l.number, "entry", d.id, "events", count, "error", fault)
		e.bury(fault)
	}
	if e.left == 0 {
		l.finish(e)
		ring(r.bell)
		return count
	}
	select {
	case r.queue <- e:
	case <-r.fed: // too late: it stays ours in the group, and is released
	}
	return count
}

// resolve finds the entries that the group holds for us and that we don't know of, and takes them up. It asks
// XPENDING and XRANGE: reading from id 0 would count as another delivery.
func (r *run) resolve(ctx context.Context, l *lane) error {
	known := l.snapshot() // before: what is settled meanwhile may still be in the answer
	from := "-"
	for {
		page, err := r.stream.Redis().XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: l.keys.Events(), Group: r.config.Pipeline, Consumer: l.name(), Start: from, End: "+", Count: mostEntries,
		}).Result()
		if err == nil {
			err = r.retrieve(ctx, l, unknown(page, known, l))
		}
		if err != nil {
			l.doubtful()
			return r.regroup(ctx, l, err)
		}
		if len(page) < mostEntries {
			return nil
		}
		from = next(page[len(page)-1].ID)
	}
}

func unknown(page []redis.XPendingExt, known map[string]bool, l *lane) []redis.XPendingExt {
	var rest []redis.XPendingExt
	for _, p := range page {
		if !known[p.ID] && !l.inFlight(p.ID) {
			rest = append(rest, p)
		}
	}
	return rest
}

// retrieve reads the content of entries that are ours.
func (r *run) retrieve(ctx context.Context, l *lane, rows []redis.XPendingExt) error {
	if len(rows) == 0 {
		return nil
	}
	pipe := r.stream.Redis().Pipeline()
	cmds := make([]*redis.XMessageSliceCmd, len(rows))
	for i, row := range rows {
		cmds[i] = pipe.XRange(ctx, l.keys.Events(), row.ID, row.ID)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for i, row := range rows {
		d := delivered{id: row.ID, attempt: int(row.RetryCount)}
		if m := cmds[i].Val(); len(m) > 0 {
			d.body, _ = m[0].Values["b"].(string)
		}
		r.take(l, d)
	}
	return nil
}

// next is the id after id.
func next(id string) string {
	ms, sequence, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(sequence, 10, 64)
	if err != nil {
		return "+"
	}
	return ms + "-" + strconv.FormatUint(n+1, 10)
}
