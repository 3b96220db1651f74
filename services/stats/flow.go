package stats

import (
	"slices"
	"time"

	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
)

const (
	// rateWindow is the time that rates are over.
	rateWindow = 5 * time.Second
	// leastWindow is the shortest time that a rate is told of: below it chance speaks.
	leastWindow = 900 * time.Millisecond
)

// Flow is what the readings of the last seconds say together. It is pure: one goroutine uses it at a time.
type Flow struct {
	// readings, oldest first, all of one life of the stream.
	readings []flowReading
}

type flowReading struct {
	taken  time.Time
	epochs []string
	total  ledger.Ledger
}

// Rates are over the last 5 s, or over what there is of them.
type Rates struct {
	// In are events accepted a second, Out events processed a second in all pipelines.
	In, Out float64
	// Pipelines by name.
	Pipelines map[string]PipelineRates
}

// PipelineRates are those of one pipeline, in events a second.
type PipelineRates struct {
	// Ended came to an end: processed, filtered or dead.
	Ended float64
	// Backlog is the change of what is unread: below 0 it shrinks.
	Backlog float64
}

// Add takes a survey. When the stream is another one than before, or holds less, what was before is forgotten: a
// difference to it would mean nothing.
func (f *Flow) Add(v survey.Survey) {
	next := flowReading{taken: v.Taken, total: v.Total()}
	for _, p := range v.Partitions {
		next.epochs = append(next.epochs, p.Epoch)
	}
	if n := len(f.readings); n > 0 && !next.follows(f.readings[n-1]) {
		f.readings = nil
	}
	f.readings = append(f.readings, next)
	for len(f.readings) > 1 && next.taken.Sub(f.readings[0].taken) > rateWindow+leastWindow/2 {
		f.readings = f.readings[1:]
	}
}

// follows says whether r can be later in the life of the stream in which before was read.
func (r flowReading) follows(before flowReading) bool {
	if !r.taken.After(before.taken) || !slices.Equal(r.epochs, before.epochs) || r.total.Accepted < before.total.Accepted {
		return false
	}
	for name, a := range r.total.Pipelines {
		if b, known := before.total.Pipelines[name]; known && ended(a) < ended(b) {
			return false
		}
	}
	return true
}

// Rates returns false while there are no two readings to compare.
func (f *Flow) Rates() (Rates, bool) {
	if len(f.readings) < 2 {
		return Rates{}, false
	}
	first, last := f.readings[0], f.readings[len(f.readings)-1]
	seconds := last.taken.Sub(first.taken).Seconds()
	if seconds < leastWindow.Seconds() {
		return Rates{}, false
	}
	per := func(now, before uint64) float64 { return (float64(now) - float64(before)) / seconds }
	r := Rates{In: per(last.total.Accepted, first.total.Accepted), Pipelines: map[string]PipelineRates{}}
	for name, a := range last.total.Pipelines {
		b, known := first.total.Pipelines[name]
		if !known { // it began within the window
			continue
		}
		r.Out += per(a.Processed, b.Processed)
		r.Pipelines[name] = PipelineRates{Ended: per(ended(a), ended(b)), Backlog: per(a.Unread, b.Unread)}
	}
	return r, true
}

func ended(a ledger.Account) uint64 { return a.Processed + a.Filtered + a.Dead }
