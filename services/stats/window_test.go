package stats

import (
	"testing"
	"time"

	"millrace.dev/pkg/histogram"
)

// timed is a report of one histogram of n durations of d.
func timed(instance string, started, at time.Time, h histogram.Histogram) Report {
	return Report{
		Instance: instance, Service: "gateway", Started: started, At: at,
		Histograms: map[Series]histogram.Histogram{newSeries("h"): h},
	}
}

func TestDurationsOfTheLastTenSeconds(t *testing.T) {
	r := NewRegistry(time.Minute)
	var rec histogram.Recorder
	for s := range 60 { // a duration a second, each report carries all
		rec.Record(time.Millisecond, 1)
		at := noon.Add(time.Duration(s) * time.Second)
		r.Apply(at, timed("a", noon, at, rec.Snapshot()))
		want := uint64(min(s+1, 10))
		if got := durations(r.Instances(at), at, "h", nil).Count(); got != want {
			t.Fatalf("after %d s: %d durations, want %d", s, got, want)
		}
	}
}

func TestALostReportTakesNothingWithIt(t *testing.T) {
	r := NewRegistry(time.Minute)
	var rec histogram.Recorder
	now := noon
	for s := range 30 {
		now = noon.Add(time.Duration(s) * time.Second)
		rec.Record(time.Millisecond, 1)
		if s%3 == 0 || s == 29 {
			r.Apply(now, timed("a", noon, now, rec.Snapshot()))
		}
	}
	// 18 s is the newest report from before the window
	if got := durations(r.Instances(now), now, "h", nil).Count(); got != 11 {
		t.Errorf("%d durations, want 11", got)
	}
}

func TestWhatWasMeasuredBeforeStatsStartedIsNotOfTheWindow(t *testing.T) {
	var rec histogram.Recorder
	rec.Record(time.Hour, 1000)
	r := NewRegistry(time.Minute)
	started := noon.Add(-time.Hour)
	r.Apply(noon, timed("a", started, noon, rec.Snapshot()))
	if got := durations(r.Instances(noon), noon, "h", nil).Count(); got != 0 {
		t.Errorf("%d durations of an hour, want none", got)
	}
	rec.Record(time.Millisecond, 3)
	now := noon.Add(time.Second)
	r.Apply(now, timed("a", started, now, rec.Snapshot()))
	if got := durations(r.Instances(now), now, "h", nil).Count(); got != 3 {
		t.Errorf("%d durations, want 3", got)
	}
}

func TestAnInstanceThatIsSilentFadesOut(t *testing.T) {
	var rec histogram.Recorder
	rec.Record(time.Millisecond, 7)
	r := NewRegistry(time.Minute)
	r.Apply(noon, timed("a", noon, noon, rec.Snapshot()))
	for _, c := range []struct {
		after time.Duration
		count uint64
	}{{5 * time.Second, 7}, {9 * time.Second, 7}, {10 * time.Second, 0}, {20 * time.Second, 0}} {
		now := noon.Add(c.after)
		if got := durations(r.Instances(now), now, "h", nil).Count(); got != c.count {
			t.Errorf("after %v: %d durations, want %d", c.after, got, c.count)
		}
	}
}

func TestGrowthOfACounter(t *testing.T) {
	r := NewRegistry(time.Minute)
	for s := range 8 { // two a second
		at := noon.Add(time.Duration(s) * time.Second)
		r.Apply(at, told("a", noon.Add(-time.Hour), at, float64(100+2*s)))
	}
	now := noon.Add(7 * time.Second)
	if g, known := r.Instances(now)[0].growth(now, "n"); !known || g != 2 {
		t.Errorf("growth %v (%v), want 2", g, known)
	}
	if _, known := r.Instances(now)[0].growth(now, "other"); known {
		t.Error("a counter that is not there has a growth")
	}
}
