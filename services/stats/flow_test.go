package stats

import (
	"math"
	"testing"
	"time"

	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
)

// read is a survey of one partition.
func read(after time.Duration, epoch string, accepted, processed, unread uint64) survey.Survey {
	return survey.Survey{Taken: noon.Add(after), Partitions: []survey.Partition{{
		Epoch: epoch,
		Ledger: ledger.Ledger{Accepted: accepted, Pipelines: map[string]ledger.Account{
			"count": {Processed: processed, Unread: unread},
		}},
	}}}
}

func TestRates(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name     string
		readings []survey.Survey
		known    bool
		in, out  float64
		backlog  float64
	}{
		{name: "none"},
		{name: "one", readings: []survey.Survey{read(0, "e", 10, 5, 5)}},
		{name: "two that are too close", readings: []survey.Survey{read(0, "e", 10, 5, 5), read(s/2, "e", 20, 5, 5)}},
		{"two", []survey.Survey{read(0, "e", 10, 5, 5), read(2*s, "e", 30, 15, 15)}, true, 10, 5, 5},
		{"the window is 5 s long", []survey.Survey{
			read(0, "e", 0, 0, 0), read(s, "e", 1000, 1000, 0), read(2*s, "e", 1000, 1000, 0), read(3*s, "e", 1000, 1000, 0),
			read(4*s, "e", 1000, 1000, 0), read(5*s, "e", 1000, 1000, 0), read(6*s, "e", 1000, 1000, 0),
		}, true, 0, 0, 0},
		{"a backlog that shrinks", []survey.Survey{read(0, "e", 100, 0, 100), read(5*s, "e", 100, 50, 50)}, true, 0, 10, -10},
		{name: "the stream is another one", readings: []survey.Survey{read(0, "e", 10, 5, 5), read(2*s, "f", 30, 15, 15)}},
		{name: "it holds less", readings: []survey.Survey{read(0, "e", 10, 5, 5), read(2*s, "e", 9, 5, 4)}},
		{name: "it has processed less", readings: []survey.Survey{read(0, "e", 10, 5, 5), read(2*s, "e", 10, 4, 6)}},
		{"the next ones after that count", []survey.Survey{
			read(0, "e", 10, 5, 5), read(s, "f", 0, 0, 0), read(3*s, "f", 20, 20, 0),
		}, true, 10, 10, 0},
		{name: "after an outage longer than the window", readings: []survey.Survey{read(0, "e", 10, 5, 5), read(60*s, "e", 9000, 5, 5)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f Flow
			for _, v := range c.readings {
				f.Add(v)
			}
			r, known := f.Rates()
			if known != c.known {
				t.Fatalf("known is %v, want %v: %+v", known, c.known, r)
			}
			if math.Abs(r.In-c.in) > 1e-9 || math.Abs(r.Out-c.out) > 1e-9 || math.Abs(r.Pipelines["count"].Backlog-c.backlog) > 1e-9 {
				t.Errorf("rates %+v, want in %v, out %v, backlog %v", r, c.in, c.out, c.backlog)
			}
		})
	}
}

func TestAPipelineThatBeginsHasNoRateYet(t *testing.T) {
	var f Flow
	f.Add(survey.Survey{Taken: noon, Partitions: []survey.Partition{{Ledger: ledger.Ledger{Accepted: 100}}}})
	v := read(2*time.Second, "", 100, 90, 10)
	f.Add(v)
	if r, known := f.Rates(); !known || r.Out != 0 || len(r.Pipelines) != 0 {
		t.Errorf("rates %+v, %v: what a pipeline read at its begin is no rate", r, known)
	}
}
