package doctor

import (
	"slices"
	"testing"
)

// rule makes a rule whose findings are given.
func rule(id string, after []string, found ...Finding) Rule {
	return Rule{
		ID: id, Title: "title of " + id, Loss: Delayed, After: after, Remedy: "mend {subject}",
		Check: func(*Snapshot, Limits) []Finding { return slices.Clone(found) },
		Clear: func(*Snapshot, Limits) string { return id + " is well" },
	}
}

func outline(found []Finding) []string {
	var lines []string
	for _, f := range found {
		lines = append(lines, f.ID+"("+f.Subject+") "+string(f.Status)+" "+f.SkippedBy)
	}
	return lines
}

func TestExamineOrderAndSkipping(t *testing.T) {
	crit, warn := Finding{Status: Crit}, Finding{Status: Warn}
	of := func(f Finding, subject string) Finding { f.Subject = subject; return f }
	for _, c := range []struct {
		name  string
		rules []Rule
		want  []string
	}{
		{"all well", []Rule{rule("A", nil), rule("B", []string{"A"})}, nil},
		{"critical before warnings, roots first",
			[]Rule{rule("A", nil, warn), rule("B", nil, crit), rule("C", nil, crit)},
			[]string{"B() crit ", "C() crit ", "A() warn "}},
		{"a root hides what follows",
			[]Rule{rule("A", nil, crit), rule("B", []string{"A"}, crit)},
			[]string{"A() crit ", "B() unknown A"}},
		{"what was skipped hides nothing",
			[]Rule{rule("A", nil, crit), rule("B", []string{"A"}, crit), rule("C", []string{"B"}, warn)},
			[]string{"A() crit ", "C() warn ", "B() unknown A"}},
		{"a root with a subject hides that subject",
			[]Rule{rule("A", nil, of(crit, "x")), rule("B", []string{"A"}, of(warn, "x"), of(warn, "y"))},
			[]string{"A(x) crit ", "B(y) warn ", "B(x) unknown A"}},
		{"skipped comes after unknown",
			[]Rule{rule("A", nil, crit), rule("B", []string{"A"}), needing(rule("C", nil), PartSurvey)},
			[]string{"A() crit ", "C() unknown ", "B() unknown A"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outline(examine(c.rules, &Snapshot{}, nil)); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func needing(r Rule, parts ...Part) Rule {
	r.Needs = parts
	return r
}

func TestExamineFillsInFromTheRule(t *testing.T) {
	a := rule("A", nil, Finding{Subject: "x", Status: Warn, Evidence: []Fact{{"n", "1"}}})
	a.Neighbours = []string{"B", "C"}
	got := examine([]Rule{a, rule("B", nil), rule("C", nil, Finding{Status: Warn})}, &Snapshot{}, nil)[0]
	if got.Title != "title of A" || got.Loss != Delayed || got.Remedy != "mend x" || got.Link != "docs/troubleshooting.md#A" {
		t.Errorf("not filled in: %+v", got)
	}
	if want := []Ruling{{"B", "B is well"}}; !slices.Equal(got.RuledOut, want) {
		t.Errorf("ruled out %v, want %v: C is not well", got.RuledOut, want)
	}
	own := rule("A", nil, Finding{Status: Warn, Title: "own", Loss: Lost, Remedy: "own"})
	if got := examine([]Rule{own}, &Snapshot{}, nil)[0]; got.Title != "own" || got.Loss != Lost || got.Remedy != "own" {
		t.Errorf("what a finding says itself is overwritten: %+v", got)
	}
}

func TestMissingPartIsUnknownAndCheckIsNotCalled(t *testing.T) {
	r := needing(rule("A", nil), PartSurvey)
	r.Check = func(*Snapshot, Limits) []Finding { t.Error("Check was called"); return nil }
	for _, s := range []*Snapshot{
		{},
		{Survey: healthy().Survey, Missing: map[Part]string{PartSurvey: "the sweep failed"}},
	} {
		got := examine([]Rule{r}, s, nil)
		if len(got) != 1 || got[0].Status != Unknown || got[0].Cause == "" {
			t.Errorf("a missing survey gives %+v, want one unknown with its reason", got)
		}
	}
}

func TestExamineLeavesTheSnapshotAlone(t *testing.T) {
	s := spoiled(noLeases, workersDown)
	before := slices.Clone(s.Instances)
	first := outline(Examine(s, nil))
	if second := outline(Examine(s, nil)); !slices.Equal(first, second) {
		t.Errorf("the same snapshot gives %q and then %q", first, second)
	}
	if !slices.Equal(before, s.Instances) {
		t.Errorf("the order of instances changed")
	}
}
