package gateway

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/histogram"
)

// metrics are the gateway's hot figures: plain atomics, added to once a batch or a frame; telemetry reads them
// once a second.
type metrics struct {
	accepted, duplicates, dropped atomic.Uint64
	appendFailures                atomic.Uint64
	ack                           histogram.Recorder

	mu       sync.Mutex
	rejected map[string]uint64 // by code: a closed set; events, and those who were turned away
	events   uint64            // of them, events
	hindered map[hindered]uint64
}

// hindered is what limits and the gate did to events that were not refused.
type hindered struct{ code, outcome string }

const (
	outcomeHeld   = "held"    // frames that a named session had to wait with, and was told
	outcomeDryRun = "dry_run" // events over a limit that only counts
)

func newMetrics() *metrics {
	return &metrics{rejected: map[string]uint64{}, hindered: map[hindered]uint64{}}
}

// held counts what a limit did other than to refuse.
func (m *metrics) held(code, outcome string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hindered[hindered{code, outcome}] += uint64(n)
}

// appended counts a batch that is stored, and how long its events took from their arrival.
func (m *metrics) appended(b *batch, now time.Time) {
	m.accepted.Add(uint64(b.Stored.Accepted))
	m.duplicates.Add(uint64(b.Stored.Duplicates))
	for _, a := range b.arrivals {
		m.ack.Record(now.Sub(a.at), uint64(a.events))
	}
}

// refused counts events that were refused.
func (m *metrics) refused(code string, events int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rejected[code] += uint64(events)
	m.events += uint64(events)
}

// turnedAway counts a request, a handshake or a connection that was not let in. No event was refused by that: none
// had come yet, or the same ones come again.
func (m *metrics) turnedAway(code string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rejected[code]++
}

// refusals returns what was refused so far by code, and how many events that were.
func (m *metrics) refusals() (byCode map[string]uint64, events uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.rejected), m.events
}
