package stats

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"millrace.dev/pkg/histogram"
)

// noon is when every test of this package begins.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// told is a report of one counter.
func told(instance string, started, at time.Time, count float64) Report {
	return Report{
		Instance: instance, Service: "gateway", Started: started, At: at,
		Sums: map[Series]float64{newSeries("n"): count},
	}
}

func count(t Totals) float64 { return t[newSeries("n")] }

func TestNewestReportOfALifeWins(t *testing.T) {
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	for _, c := range []struct {
		name    string
		reports []Report
		fresh   []bool
		total   float64
	}{
		{"in order", []Report{told("a", noon, at(1), 5), told("a", noon, at(2), 7)}, []bool{true, true}, 7},
		{"twice", []Report{told("a", noon, at(1), 5), told("a", noon, at(1), 5)}, []bool{true, false}, 5},
		{"out of order", []Report{told("a", noon, at(2), 7), told("a", noon, at(1), 5)}, []bool{true, false}, 7},
		{"two instances", []Report{told("a", noon, at(1), 5), told("b", noon, at(1), 6)}, []bool{true, true}, 11},
		{"a second life adds to the first", []Report{told("a", noon, at(1), 5), told("a", at(3), at(4), 2)}, []bool{true, true}, 7},
		{"the first life comes late", []Report{told("a", at(3), at(4), 2), told("a", noon, at(5), 5)}, []bool{true, false}, 2},
		{"without a start it is the life that is known", []Report{told("a", noon, at(1), 5), told("a", time.Time{}, at(2), 6)}, []bool{true, true}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRegistry(10 * time.Minute)
			for i, rep := range c.reports {
				if fresh := r.Apply(noon, rep); fresh != c.fresh[i] {
					t.Errorf("report %d: fresh is %v, want %v", i, fresh, c.fresh[i])
				}
			}
			if got := count(r.Totals()); got != c.total {
				t.Errorf("total %v, want %v", got, c.total)
			}
		})
	}
}

func TestUpDownGone(t *testing.T) {
	r := NewRegistry(10 * time.Minute)
	r.Apply(noon, told("a", noon, noon, 5))
	for _, c := range []struct {
		after time.Duration
		known int
		up    bool
	}{
		{0, 1, true},
		{3 * time.Second, 1, true},
		{3*time.Second + time.Millisecond, 1, false},
		{10*time.Minute - time.Millisecond, 1, false},
		{10 * time.Minute, 0, false},
	} {
		now := noon.Add(c.after)
		r.Expire(now)
		all := r.Instances(now)
		if len(all) != c.known || c.known == 1 && all[0].Up != c.up {
			t.Errorf("after %v: %+v", c.after, all)
		}
		if got := count(r.Totals()); got != 5 {
			t.Errorf("after %v: total %v, want 5", c.after, got)
		}
	}
}

func TestASignOfLifeKeepsTheFigures(t *testing.T) {
	r := NewRegistry(time.Minute)
	r.Apply(noon, told("a", noon, noon, 5))
	silent := Report{Instance: "a", Service: "gateway", Started: noon}
	if !r.Apply(noon.Add(3*time.Second), silent) {
		t.Error("a report without figures was no news")
	}
	i := r.Instances(noon.Add(5 * time.Second))[0]
	if !i.Up || i.Last.Sums[newSeries("n")] != 5 {
		t.Errorf("instance %+v", i)
	}
}

func TestDeltasAreAddedUp(t *testing.T) {
	var rec histogram.Recorder
	rec.Record(time.Millisecond, 3)
	delta := func(at time.Time, n float64) Report {
		rep := told("a", time.Time{}, at, n)
		rep.Histograms = map[Series]histogram.Histogram{newSeries("h"): rec.Snapshot()}
		rep.Deltas = map[Series]bool{newSeries("n"): true, newSeries("h"): true}
		return rep
	}
	r := NewRegistry(time.Minute)
	for i, n := range []float64{5, 7, 0, 1} {
		r.Apply(noon, delta(noon.Add(time.Duration(i)*time.Second), n))
	}
	r.Apply(noon, delta(noon.Add(2*time.Second), 100)) // comes again: no news
	if got := count(r.Totals()); got != 13 {
		t.Errorf("total %v, want 13", got)
	}
	if got := r.Instances(noon)[0].Last.Histograms[newSeries("h")].Count(); got != 12 {
		t.Errorf("%d durations, want 12", got)
	}
}

// Whatever happens to reports and processes, totals are those of the newest report of each life, and never step back.
func TestTotalsNeverStepBack(t *testing.T) {
	for seed := range uint64(200) {
		w := world{t: t, random: rand.New(rand.NewPCG(seed, 1)), registry: NewRegistry(time.Minute), now: noon, said: map[life]float64{}}
		last := 0.0
		for step := range 300 {
			w.step()
			got, want := count(w.registry.Totals()), 0.0
			for _, n := range w.said {
				want += n
			}
			if got < last || got != want {
				t.Fatalf("seed %d, step %d: total went from %v to %v, want %v", seed, step, last, got, want)
			}
			last = got
		}
	}
}

// world is processes that start, count, fall silent, come back under their old name or a new one, and whose reports
// get lost or come late.
type world struct {
	t         *testing.T
	random    *rand.Rand
	registry  *Registry
	now       time.Time
	processes []*counting
	late      []Report
	said      map[life]float64
}

type counting struct {
	life
	n float64
}

type life struct {
	id      string
	started time.Time
}

func (w *world) step() {
	w.now = w.now.Add(time.Duration(w.random.IntN(5000)) * time.Millisecond)
	if len(w.processes) == 0 || w.random.IntN(20) == 0 {
		id := fmt.Sprintf("p%d", w.random.IntN(8))
		w.processes = slices.DeleteFunc(w.processes, func(c *counting) bool { return c.id == id })
		w.processes = append(w.processes, &counting{life: life{id, w.now}})
	}
	p := w.processes[w.random.IntN(len(w.processes))]
	p.n += float64(w.random.IntN(100))
	rep := told(p.id, p.started, w.now, p.n)
	switch w.random.IntN(4) {
	case 0:
		w.late = append(w.late, rep)
	case 1:
		w.apply(rep)
		if len(w.late) > 0 {
			w.apply(w.late[w.random.IntN(len(w.late))])
		}
	default:
		w.apply(rep)
	}
	w.registry.Expire(w.now)
}

func (w *world) apply(rep Report) {
	if w.registry.Apply(w.now, rep) {
		w.said[life{rep.Instance, rep.Started}] = rep.Sums[newSeries("n")]
	}
}

func TestOneThatIsBackGoesOnWhereItWas(t *testing.T) {
	r := NewRegistry(time.Minute)
	r.Apply(noon, told("a", noon, noon, 5))
	back := noon.Add(time.Hour)
	r.Expire(back)
	if all := r.Instances(back); len(all) != 0 {
		t.Fatalf("%+v is still listed", all)
	}
	r.Apply(back, told("a", noon, back, 8))
	if got := count(r.Totals()); got != 8 || len(r.Instances(back)) != 1 {
		t.Errorf("total %v, want 8", got)
	}
}

func TestTheGoneAreBounded(t *testing.T) {
	r := NewRegistry(time.Minute)
	now := noon
	for i := range 3 * mostInstances {
		now = now.Add(time.Minute)
		r.Apply(now, told(fmt.Sprint(i), noon, now, 1))
		r.Expire(now)
	}
	if len(r.gone) > mostInstances || count(r.Totals()) != 3*mostInstances {
		t.Errorf("%d are remembered, total %v", len(r.gone), count(r.Totals()))
	}
}

func TestTooManyInstances(t *testing.T) {
	r := NewRegistry(time.Minute)
	for i := range mostInstances + 10 {
		fresh := r.Apply(noon, told(fmt.Sprint(i), noon, noon, 1))
		if fresh != (i < mostInstances) {
			t.Fatalf("instance %d: fresh is %v", i, fresh)
		}
	}
	if !r.Apply(noon, told("0", noon, noon.Add(time.Second), 2)) {
		t.Error("one that is known was refused")
	}
}

func TestTooManySeries(t *testing.T) {
	r := NewRegistry(time.Minute)
	rep := told("a", noon, noon, 0)
	rep.Gauges = map[Series]float64{}
	for i := range 3 * mostSeries {
		rep.Gauges[newSeries("g", "client", fmt.Sprint(i))] = 1
	}
	r.Apply(noon, rep)
	last := r.Instances(noon)[0].Last
	if n := len(last.Gauges) + len(last.Sums); n > mostSeries+2 {
		t.Errorf("%d series are kept", n)
	}
	if total, _ := sum(last.Gauges, "g", nil); total != 3*mostSeries {
		t.Errorf("they add up to %v, want %v", total, 3*mostSeries)
	}
	if n := last.Gauges[newSeries("g").overflow()]; n < mostSeries {
		t.Errorf("the overflow holds %v", n)
	}
}

func TestTooManyMetrics(t *testing.T) {
	rep := told("a", noon, noon, 0)
	for i := range 5 * mostSeries {
		rep.Sums[newSeries(fmt.Sprint("metric", i))] = 1
	}
	if n := len(bounded(rep).Sums); n > mostSeries+mostSeries/10 {
		t.Errorf("%d series are kept", n)
	}
}

func TestSeries(t *testing.T) {
	s := newSeries("m", "b", "2", "a", "1")
	if s != newSeries("m", "a", "1", "b", "2") {
		t.Error("the order of attributes makes another series")
	}
	if s.attr("a") != "1" || s.attr("b") != "2" || s.attr("1") != "" || s.attr("c") != "" {
		t.Errorf("attributes of %+v", s)
	}
}
