package survey

import (
	"testing"
	"time"

	"millrace.dev/pkg/stream/ledger"
)

func TestPendingByIDs(t *testing.T) {
	id := func(before, events uint64) string {
		return ledger.EntryID{Milliseconds: 1000, Before: before, Events: events}.String()
	}
	for _, c := range []struct {
		name    string
		group   rawGroup
		book    ledger.Account
		unread  uint64
		missing int64
	}{
		{"nothing delivered", rawGroup{delivered: "0-0", unread: id(0, 10)}, ledger.Account{}, 100, 0},
		{"nothing delivered, as the embedded server writes it", rawGroup{delivered: "0", unread: id(0, 10)}, ledger.Account{}, 100, 0},
		{"nothing delivered of what trimming left", rawGroup{delivered: "0-0", unread: id(30, 10)}, ledger.Account{Baseline: 30}, 70, 0},
		{"some delivered, some settled", rawGroup{delivered: id(30, 10), unread: id(40, 5), pending: 2, counted: 2, events: 15}, ledger.Account{Processed: 25}, 60, 0},
		{"all delivered", rawGroup{delivered: id(90, 10)}, ledger.Account{Processed: 100}, 0, 0},
		{"cut off by hand before it was read", rawGroup{delivered: id(30, 10), unread: id(60, 10)}, ledger.Account{Processed: 40}, 40, 20},
		{"all of it cut off by hand", rawGroup{delivered: id(30, 10)}, ledger.Account{Processed: 40}, 0, 60},
		{"moved on by hand", rawGroup{delivered: id(90, 10)}, ledger.Account{Processed: 40}, 0, 60},
		{"gone, nothing settled since its mark", rawGroup{low: id(30, 10), unread: id(40, 5)}, ledger.Account{Processed: 40}, 60, 0},
		{"gone, some settled since its mark", rawGroup{low: id(30, 10), unread: id(40, 5)}, ledger.Account{Processed: 55}, 45, 0},
		{"gone, all settled since its mark", rawGroup{low: id(30, 10), unread: id(40, 5)}, ledger.Account{Processed: 100}, 0, 0},
		{"gone, and some lost", rawGroup{low: id(30, 10), unread: id(50, 10)}, ledger.Account{Processed: 40}, 50, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f fault
			const accepted = 100
			a := place{accepted: accepted}.account(c.group, c.book, &f)
			l := ledger.Ledger{Accepted: accepted, Pipelines: map[string]ledger.Account{"p": a}}
			if f.err != nil || a.Unread != c.unread || a.Working != c.group.events || l.Missing("p") != c.missing {
				t.Errorf("%+v, missing %d (%v); want %d unread, missing %d", a, l.Missing("p"), f.err, c.unread, c.missing)
			}
		})
	}
}

func TestAgeIsByOneClock(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	arrived := func(redis time.Time) string {
		return ledger.EntryID{Milliseconds: uint64(redis.UnixMilli()), Events: 1}.String()
	}
	for _, c := range []struct {
		name   string
		ahead  time.Duration // our clock before Redis's
		unread string
		age    time.Duration
	}{
		{"clocks agree", 0, arrived(now.Add(-3 * time.Second)), 3 * time.Second},
		{"Redis is an hour behind", time.Hour, arrived(now.Add(-time.Hour - 3*time.Second)), 3 * time.Second},
		{"Redis is an hour before", -time.Hour, arrived(now.Add(time.Hour - 3*time.Second)), 3 * time.Second},
		{"ids are before Redis's clock", 0, arrived(now.Add(time.Minute)), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f fault
			g := place{taken: now, ahead: c.ahead}.group(rawGroup{delivered: "0-0", unread: c.unread}, &f)
			if age := now.Sub(g.OldestUnread); age != c.age || f.err != nil {
				t.Errorf("age %v, want %v (%v)", age, c.age, f.err)
			}
		})
	}
}

func TestRepliesThatAreNotUnderstood(t *testing.T) {
	good := func() reply {
		return reply{"e", "1", []any{}, "0", "", []any{}, "0", []any{}}
	}
	if _, _, err := good().partition(0, time.Now()); err != nil {
		t.Fatal(err)
	}
	for i, wrong := range map[int]any{1: "x", 2: "no list", 3: int64(5), 5: []any{[]any{"too short"}}, 7: ""} {
		r := good()
		r[i] = wrong
		if _, _, err := r.partition(0, time.Now()); err == nil {
			t.Errorf("%v in place %d was taken", wrong, i)
		}
	}
	if _, _, err := good()[:5].partition(0, time.Now()); err == nil {
		t.Error("half a reply was taken")
	}
}
