package produce

import (
	"fmt"
	"sort"
	"strconv"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
)

// attempt is a batch on its way: what is cut off already, and what is not known.
type attempt struct {
	batch *Batch
	parts []openPart
	// sent holds the indexes in parts of those that were in the last try.
	sent []int
	// duplicates are recognised and not yet counted in the ledger.
	duplicates int
	// decided: all of it is in Redis. It is done when that is as durable as it has to be.
	decided bool
	// epoch and after are of the entry that it became: the partition's life, and how many events it had then.
	epoch string
	after uint64
	err   error
}

type openPart struct {
	part *Part
	// cut events off the front are stored already.
	cut int
	// known events off the front are duplicates.
	known int
	// first is the number of the first event of an anonymous part.
	first uint64
	// unknown: a try is behind it of which nobody knows whether it was carried out. What is found stored
	// after it may be our own.
	unknown bool
}

func (p *openPart) left() int { return p.part.Events - p.cut }

// numbers are the first and the last number of what is left.
func (p *openPart) numbers() (first, last uint64) {
	if p.part.Session == nil {
		return p.first, p.first + uint64(p.part.Events) - 1
	}
	return p.part.Numbers[p.cut], p.part.Numbers[len(p.part.Numbers)-1]
}

func (p *openPart) bytes() []byte {
	switch {
	case p.left() == 0:
		return nil
	case p.cut == 0:
		return p.part.Bytes
	}
	return p.part.Bytes[p.part.Ends[p.cut-1]:]
}

func (t *attempt) events() int {
	n := 0
	for i := range t.parts {
		n += t.parts[i].left()
	}
	return n
}

// blob is the EventBatch of what is left: concatenated members are a batch.
func (t *attempt) blob() []byte {
	size := 8
	for i := range t.parts {
		size += len(t.parts[i].bytes())
	}
	b := event.AppendVersion(make([]byte, 0, size))
	for i := range t.parts {
		b = append(b, t.parts[i].bytes()...)
	}
	return b
}

// done: the outcome of every event is known.
func (t *attempt) done() {
	s := Stored{Done: true}
	for i := range t.parts {
		p := &t.parts[i]
		s.Accepted += p.part.Events - p.known
		s.Duplicates += p.known
	}
	t.batch.Stored = s
}

// fail notes a try without a good answer. If Redis itself refused it, it has changed nothing; else nobody knows,
// and duplicates that it may have counted are not counted again: they are a lower bound.
func (t *attempt) fail(err error) {
	t.err = err
	if !stream.Refused(err) {
		t.obscure()
	}
}

// unconfirmed notes a try that ran and is not as durable as it has to be. It is made again from the beginning, with all
// of the batch: where it is still there it is recognised, and where it is not (another server may have taken over) it is
// stored.
func (t *attempt) unconfirmed(err error) {
	if t.decided {
		t.obscure()
	}
	t.decided, t.after = false, 0
	if t.err == nil {
		t.err = err
	}
	for i := range t.parts {
		t.parts[i].cut = 0
	}
}

// obscure: the last try may have stored what it brought, so what is found stored from now on may be our own.
func (t *attempt) obscure() {
	t.duplicates = 0
	for i := range t.parts {
		t.parts[i].unknown = true
	}
}

// cut takes off what the marks say is stored: pairs of a part's place in the last try and its mark.
func (t *attempt) cut(pairs []string, renumber func(partition int, mark uint64, events int) uint64) error {
	for ; len(pairs) >= 2; pairs = pairs[2:] {
		place, err := strconv.Atoi(pairs[0])
		if err != nil || place < 0 || place >= len(t.sent) {
			return fmt.Errorf("append.lua names a part %q of %d", pairs[0], len(t.sent))
		}
		mark, err := strconv.ParseUint(pairs[1], 10, 64)
		if err != nil {
			return fmt.Errorf("a mark is no number: %w", err)
		}
		p := &t.parts[t.sent[place]]
		if p.part.Session == nil && mark < p.first+uint64(p.part.Events)-1 {
			p.first = renumber(t.batch.Partition, mark, p.part.Events)
			continue
		}
		t.recognise(p, max(0, p.upTo(mark)-p.cut)) // a mark only grows
	}
	t.decided = t.events() == 0 && t.duplicates == 0
	return nil
}

// upTo counts the events whose numbers are not above mark.
func (p *openPart) upTo(mark uint64) int {
	if p.part.Session == nil {
		return p.part.Events
	}
	return sort.Search(len(p.part.Numbers), func(i int) bool { return p.part.Numbers[i] > mark })
}

// recognise cuts events off the front of a part. They are duplicates unless they may be our own; those that were
// recognised before are not counted again.
func (t *attempt) recognise(p *openPart, events int) {
	p.cut += events
	if !p.unknown && p.cut > p.known {
		t.duplicates += p.cut - p.known
		p.known = p.cut
	}
}

// worst is the error that keeps a batch from being stored, if there is one.
func worst(open []*attempt) error {
	var first error
	for _, t := range open {
		if t.err != nil && !stream.Transient(t.err) {
			return t.err
		}
		if first == nil {
			first = t.err
		}
	}
	return first
}
