package consume

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/state"
)

// entry is a stream entry in flight: its events, and what has become of them so far. It is recycled when it is settled.
type entry struct {
	lane    *lane
	id      string
	epoch   string
	body    string
	events  []event.Event
	attempt int
	// count is how many events the ledger knows the entry by; its id says so.
	count int
	// received is the oldest arrival among its events.
	received time.Time

	mu        sync.Mutex // two handlers may have parts of one entry
	left      int        // events without a result
	processed int
	filtered  int
	letters   []letter
	adds      tally
}

// letter is what goes to the dead letters: one event of an entry, or the whole.
type letter struct {
	index  int // -1: the whole
	reason string
	batch  []byte
	events int
}

// delivered is an entry as it comes from Redis.
type delivered struct {
	id      string
	body    string
	attempt int
}

// errGone says that an entry that is pending has no content any more: somebody deleted it by hand.
var errGone = errors.New("the entry was deleted from the stream before it was handled")

// open takes up an entry. An error means that its events can't be handled: it has to be buried.
func (e *entry) open(l *lane, d delivered) error {
	e.lane, e.id, e.body, e.attempt = l, d.id, d.body, d.attempt
	e.events, e.letters = e.events[:0], e.letters[:0]
	e.count, e.processed, e.filtered, e.left, e.received = 0, 0, 0, 0, time.Time{}
	e.adds.reset()
	id, err := ledger.ParseEntryID(d.id)
	if err != nil {
		return err
	}
	e.count = int(id.Events)
	if d.body == "" && e.count > 0 {
		return errGone
	}
	if e.events, err = event.DecodeBatch(e.events, d.body); err != nil {
		return err
	}
	if len(e.events) != e.count {
		return fmt.Errorf("the batch holds %d events, and the ledger counts %d", len(e.events), e.count)
	}
	e.left = e.count
	e.received = oldest(e.events)
	return nil
}

func oldest(events []event.Event) time.Time {
	var first time.Time
	for i := range events {
		if at := events[i].Received; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// bury gives the whole entry up to the dead letters.
func (e *entry) bury(reason error) {
	e.events, e.left = e.events[:0], 0
	e.letters = append(e.letters[:0], letter{index: -1, reason: reason.Error(), batch: []byte(e.body), events: e.count})
}

// place puts the results of the events from on in their places; nil results are n times Done. It says whether the
// entry has now all it needs.
func (e *entry) place(from, n int, results []Result) (complete bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if results == nil {
		e.processed += n
	}
	for i := range results {
		e.placeOne(from+i, &results[i])
	}
	e.left -= n
	return e.left == 0
}

func (e *entry) placeOne(index int, r *Result) {
	switch r.outcome {
	case filtered:
		e.filtered++
	case dead:
		e.letters = append(e.letters, e.letter(index, r.rest.err))
	default:
		e.processed++
		e.addAll(r)
	}
}

func (e *entry) addAll(r *Result) {
	if r.add != (state.Add{}) {
		e.adds.add(r.add)
	}
	if r.rest != nil {
		for _, a := range r.rest.adds {
			e.adds.add(a)
		}
	}
}

// letter is a dead letter for one event: the bytes of its member, as they were stored.
func (e *entry) letter(index int, reason error) letter {
	text := "no reason given"
	if reason != nil {
		text = reason.Error()
	}
	return letter{index: index, reason: text, batch: member(e.body, index), events: 1}
}

// buried counts the events among the dead letters.
func (e *entry) buried() int {
	n := 0
	for i := range e.letters {
		n += e.letters[i].events
	}
	return n
}
