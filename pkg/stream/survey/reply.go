package survey

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/state"
)

// reply is what survey.lua returns of a partition; the script says what is where.
type reply []any

var errReply = errors.New("the script's reply is not understood")

// partition reads the whole reply. taken is when it was asked for, by our clock: ages are differences of times that
// Redis's clock gave, so that two clocks that disagree make no lag.
func (r reply) partition(number int, taken time.Time) (Partition, []Lease, error) {
	if len(r) != 8 {
		return Partition{}, nil, errReply
	}
	var f fault
	p := Partition{
		Number: number, Epoch: f.text(r[0]), Entries: f.number(r[3]), Newest: f.text(r[4]), Kinds: f.number(r[6]),
		Groups: map[string]Group{},
	}
	book := f.counters(r[2])
	p.Ledger = totals(book)
	place := place{
		accepted: p.Ledger.Accepted, taken: taken, ahead: taken.Sub(time.UnixMilli(int64(f.number(r[1])))),
	}
	var leases []Lease
	for _, row := range f.list(r[5]) {
		g := f.group(row)
		p.Ledger.Pipelines[g.name] = place.account(g, account(book, g.name), &f)
		p.Groups[g.name] = place.group(g, &f)
		for _, name := range g.alive {
			leases = append(leases, Lease{Partition: number, Pipeline: g.name, Consumer: name})
		}
	}
	p.Types, p.Other = types(f.counters(r[7]))
	if p.Kinds > mostKinds {
		p.Types = nil
	}
	return p, leases, f.err
}

// totals are the counters of a partition that are of no pipeline.
func totals(book map[string]uint64) ledger.Ledger {
	return ledger.Ledger{
		Accepted: book["accepted"], Bytes: book["bytes"], Duplicates: book["duplicates"], Trimmed: book["trimmed"],
		Pipelines: map[string]ledger.Account{},
	}
}

// account is what the book holds of a pipeline; what is pending is not in it.
func account(book map[string]uint64, pipeline string) ledger.Account {
	of := func(field string) uint64 { return book[field+":"+pipeline] }
	return ledger.Account{
		Baseline: of("baseline"), Replayed: of("replayed"), Redriven: of("redriven"), Processed: of("processed"),
		Filtered: of("filtered"), Retried: of("retried"), Dead: of("dead"), Skipped: of("skipped"),
	}
}

// types splits the state of the built-in pipeline.
func types(fields map[string]uint64) (byType map[string]uint64, other uint64) {
	byType = make(map[string]uint64, len(fields))
	for field, n := range fields {
		if key, ok := state.Key(field); ok {
			byType[key] = n
		}
	}
	return byType, fields[state.OtherField]
}

// rawGroup is one row of groups.
type rawGroup struct {
	name, low, delivered, unread string
	pending, counted, events     uint64
	consumers                    map[string]int64
	alive                        []string
}

// fault reads parts of a reply and keeps the first that is not what it should be.
type fault struct{ err error }

func (f *fault) note(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *fault) text(v any) string {
	s, ok := v.(string)
	if !ok {
		f.note(errReply)
	}
	return s
}

func (f *fault) number(v any) uint64 {
	n, err := strconv.ParseUint(f.text(v), 10, 64)
	if err != nil {
		f.note(err)
	}
	return n
}

func (f *fault) list(v any) []any {
	l, ok := v.([]any)
	if !ok {
		f.note(errReply)
	}
	return l
}

// counters reads a hash. A field that is no number is somebody else's.
func (f *fault) counters(v any) map[string]uint64 {
	flat := f.list(v)
	m := make(map[string]uint64, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		if n, err := strconv.ParseUint(f.text(flat[i+1]), 10, 64); err == nil {
			m[f.text(flat[i])] = n
		}
	}
	return m
}

func (f *fault) group(v any) rawGroup {
	row := f.list(v)
	if len(row) != 8 {
		f.note(errReply)
		return rawGroup{}
	}
	g := rawGroup{
		name: f.text(row[0]), low: f.text(row[1]), delivered: f.text(row[2]), unread: f.text(row[3]),
		pending: f.number(row[4]), counted: f.number(row[5]), events: f.number(row[6]), consumers: map[string]int64{},
	}
	flat := f.list(row[7])
	for i := 0; i+2 < len(flat); i += 3 {
		name := f.text(flat[i])
		g.consumers[name] = int64(f.number(flat[i+1]))
		if f.text(flat[i+2]) == "1" {
			g.alive = append(g.alive, name)
		}
	}
	return g
}

// entry reads an id. "0" is how the embedded server writes the position before the first entry.
func (f *fault) entry(id string) ledger.EntryID {
	if !strings.Contains(id, "-") {
		id += "-0"
	}
	e, err := ledger.ParseEntryID(id)
	if err != nil {
		f.note(err)
	}
	return e
}
