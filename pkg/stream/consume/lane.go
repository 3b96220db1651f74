package consume

import (
	"context"
	"strconv"
	"sync"
	"time"

	"millrace.dev/pkg/stream"
)

// lane is one partition, as one pipeline in this process sees it.
type lane struct {
	number int
	keys   stream.Keys
	// bell wakes the reader, which waits for room or for the lease. Capacity 1: a bell, not a queue.
	bell chan struct{}
	room room

	mu sync.Mutex
	// consumer is our name in the group. It changes when the lease has lapsed.
	consumer string
	epoch    string
	// renewed is when the lease was last known to be alive.
	renewed time.Time
	// doubt: the group may hold entries for us that we don't know of.
	doubt bool
	// flight holds what was read and is not settled, by id.
	flight map[string]*entry
	// finished is what waits to be settled.
	finished []*entry
	// typical is the size of the entries that were read last.
	typical size
	// noRoom is since when the reader has waited for room (zero: it doesn't), and waited how long it did before. Both
	// since blocked was asked last.
	noRoom time.Time
	waited time.Duration
}

// newLane begins with the guess that an entry fills a batch, so that the first read is not too large.
func newLane(number int, consumer string, r room, guess size) *lane {
	return &lane{
		number: number, keys: stream.KeysOf(number), consumer: consumer, room: r,
		bell: make(chan struct{}, 1), flight: make(map[string]*entry), typical: guess,
	}
}

// reading names the reader in reports of an outage.
func (l *lane) reading() string { return "reading " + strconv.Itoa(l.number) }

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// await waits until the lease is alive and there is room to read into, or until ctx ends.
func (l *lane) await(ctx context.Context, lease time.Duration) error {
	for !l.mayRead(lease) {
		select {
		case <-l.bell:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

func (l *lane) mayRead(lease time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, free := time.Now(), l.room.any()
	switch {
	case !free && l.noRoom.IsZero():
		l.noRoom = now
	case free && !l.noRoom.IsZero():
		l.waited += now.Sub(l.noRoom)
		l.noRoom = time.Time{}
	}
	return now.Sub(l.renewed) < lease && free
}

// blocked is how long the reader has waited for room since this was asked last.
func (l *lane) blocked(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	waited := l.waited
	l.waited = 0
	if !l.noRoom.IsZero() {
		waited += now.Sub(l.noRoom)
		l.noRoom = now
	}
	return waited
}

func (l *lane) name() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.consumer
}

// doubtful sets the doubt; the reader looks at what we own before it asks for more.
func (l *lane) doubtful() {
	l.mu.Lock()
	l.doubt = true
	l.mu.Unlock()
	ring(l.bell)
}

// takeDoubt says whether there is doubt, and ends it.
func (l *lane) takeDoubt() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.doubt
	l.doubt = false
	return was
}

// admit takes an entry into flight; false if it is there already, when it was read or claimed a second time.
func (l *lane) admit(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.flight[e.id]; known {
		return false
	}
	e.epoch = l.epoch
	l.flight[e.id] = e
	l.room.take(e)
	return true
}

func (l *lane) inFlight(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.flight[id]
	return known
}

// snapshot returns the ids in flight.
func (l *lane) snapshot() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make(map[string]bool, len(l.flight))
	for id := range l.flight {
		ids[id] = true
	}
	return ids
}

// finish queues an entry to be settled.
func (l *lane) finish(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = append(l.finished, e)
}

// land ends the flight of entries.
func (l *lane) land(entries []*entry) {
	l.mu.Lock()
	for _, e := range entries {
		delete(l.flight, e.id)
		l.room.give(e)
	}
	l.mu.Unlock()
	ring(l.bell)
}
