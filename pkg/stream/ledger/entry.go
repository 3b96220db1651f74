package ledger

import (
	"fmt"
	"strconv"
	"strings"
)

// EntryID is the id of a stream entry, which counts: <ms>-<events before it x 1024 + events in it>. So lag,
// baseline, what was trimmed and what is pending are arithmetic on ids, and no entry has to be read for it.
type EntryID struct {
	// Milliseconds since 1970, never below those of the entry before.
	Milliseconds uint64
	// Before counts the events of the partition that were appended before this entry.
	Before uint64
	// Events counts those in this entry: 1..1000.
	Events uint64
}

// perEntry is the factor between events and the sequence part of an id: more than an entry can hold.
const perEntry = 1024

// After counts the events appended up to and with this entry.
func (e EntryID) After() uint64 { return e.Before + e.Events }

// String returns the id as Redis writes it.
func (e EntryID) String() string {
	return strconv.FormatUint(e.Milliseconds, 10) + "-" + strconv.FormatUint(e.Before*perEntry+e.Events, 10)
}

// ParseEntryID reads an id as Redis writes it. "0-0" is the position before the first entry.
func ParseEntryID(id string) (EntryID, error) {
	ms, seq, ok := strings.Cut(id, "-")
	m, err := strconv.ParseUint(ms, 10, 64)
	s, err2 := strconv.ParseUint(seq, 10, 64)
	if !ok || err != nil || err2 != nil {
		return EntryID{}, fmt.Errorf("entry id %q is not <ms>-<sequence>", id)
	}
	return EntryID{Milliseconds: m, Before: s / perEntry, Events: s % perEntry}, nil
}
