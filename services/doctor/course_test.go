package doctor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// sample is the n-th snapshot, a second after the one before.
func sample(n int) *Snapshot { return &Snapshot{Taken: noon.Add(time.Duration(n) * time.Second)} }

// play gives a course one sample after another of one rule and subject, and returns what is shown after each.
// "" is a good sample.
func play(samples ...Status) []Status {
	var c Course
	var shown []Status
	for n, status := range samples {
		var found []Finding
		if status != "" {
			found = []Finding{{ID: "A", Status: status}}
		}
		raised := c.Next(sample(n), found)
		shown = append(shown, "")
		if len(raised) > 0 {
			shown[n] = raised[0].Status
		}
	}
	return shown
}

func TestCourse(t *testing.T) {
	for _, c := range []struct {
		name          string
		samples, want []Status
	}{
		{"one bad sample raises nothing", []Status{"", Crit, "", Crit, ""}, []Status{"", "", "", "", ""}},
		{"two raise, one good clears", []Status{"", Crit, Crit, Crit, "", ""}, []Status{"", "", Crit, Crit, "", ""}},
		{"a warning and worse are both bad", []Status{"", Warn, Crit, Warn}, []Status{"", "", Crit, Warn}},
		{"the first of all is not yet known", []Status{Crit, Crit}, []Status{Unknown, Crit}},
		{"nor is it when it could not be measured", []Status{Unknown, Unknown}, []Status{Unknown, Unknown}},
		{"one unknown sample says nothing", []Status{"", Unknown, ""}, []Status{"", "", ""}},
		{"two unknown ones do", []Status{"", Unknown, Unknown, ""}, []Status{"", "", Unknown, ""}},
		{"unknown does not clear", []Status{"", Crit, Crit, Unknown, Crit}, []Status{"", "", Crit, Crit, Crit}},
		{"nor does it for long", []Status{"", Crit, Crit, Unknown, Unknown, Crit}, []Status{"", "", Crit, Crit, Unknown, Crit}},
		{"unknown does not raise", []Status{"", Unknown, Crit}, []Status{"", "", Unknown}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := play(c.samples...); !slices.Equal(got, c.want) {
				t.Errorf("after %q it shows %q, want %q", c.samples, got, c.want)
			}
		})
	}
}

func TestCourseKeepsSubjectsApart(t *testing.T) {
	var c Course
	c.Next(sample(0), nil)
	x, y := Finding{ID: "A", Subject: "x", Status: Warn}, Finding{ID: "A", Subject: "y", Status: Crit}
	c.Next(sample(1), []Finding{x})
	if got := outline(c.Next(sample(2), []Finding{y})); got != nil {
		t.Errorf("one bad sample each raises %q", got)
	}
	if got, want := outline(c.Next(sample(3), []Finding{y, x})), []string{"A(y) crit "}; !slices.Equal(got, want) {
		t.Errorf("shows %q, want %q", got, want)
	}
}

// When a rule can't be examined its finding has no subject: those it raised are not well because of that.
func TestCourseCarriesSubjectsThroughBlindness(t *testing.T) {
	var c Course
	bad := []Finding{{ID: "A", Subject: "x", Status: Crit}}
	blind := []Finding{{ID: "A", Status: Unknown}}
	var got [][]string
	for n, found := range [][]Finding{nil, bad, bad, blind, bad, blind, blind, bad, nil} {
		got = append(got, outline(c.Next(sample(n), found)))
	}
	x, unknown := []string{"A(x) crit "}, []string{"A() unknown "}
	want := [][]string{nil, nil, x, x, x, x, unknown, x, nil}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("shows %q, want %q", got, want)
	}
}

func TestCourseSince(t *testing.T) {
	var c Course
	found := []Finding{{ID: "A", Status: Crit}}
	c.Next(sample(0), nil)
	c.Next(sample(1), found)
	for n := 2; n < 5; n++ {
		if got := c.Next(sample(n), found)[0].Since; !got.Equal(noon.Add(time.Second)) {
			t.Errorf("sample %d: since %v, want that of the first bad one", n, got)
		}
	}
}

// Properties over random courses of one rule: what is shown rests on the samples since the last good one, and
// nothing that is not well stays hidden for more than one sample.
func TestCourseProperties(t *testing.T) {
	statuses := []Status{"", "", Warn, Crit, Unknown}
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		samples := make([]Status, 30)
		for i := range samples {
			samples[i] = statuses[random.IntN(len(statuses))]
		}
		shown := play(samples...)
		if fault := violated(samples, shown); fault != "" {
			t.Fatalf("seed %d: %s\nsamples %q\nshown   %q", seed, fault, samples, shown)
		}
	}
}

func violated(samples, shown []Status) string {
	bad, since := 0, 0 // bad samples, and all that were not good, since the last good one
	for n, s := range samples {
		if s == "" {
			bad, since = 0, 0
		} else {
			since++
		}
		if s.bad() {
			bad++
		}
		switch {
		case s == "" && shown[n] != "":
			return fmt.Sprintf("sample %d is good and %s is shown", n, shown[n])
		case shown[n].bad() && bad < 2:
			return fmt.Sprintf("sample %d: raised after %d bad ones", n, bad)
		case s.bad() && bad >= 2 && shown[n] != s:
			return fmt.Sprintf("sample %d: %s is bad again and not shown", n, s)
		case (since >= 2 || n == 0 && since == 1) && shown[n] == "":
			return fmt.Sprintf("sample %d: %d samples were not good and nothing is shown", n, since)
		}
	}
	return ""
}
