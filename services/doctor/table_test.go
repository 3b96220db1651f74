package doctor

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These tests are about the table itself: what a new rule must not forget.

func TestIDsAreUniqueAndWellFormed(t *testing.T) {
	form := regexp.MustCompile(`^MR-[A-Z]+-\d{3}$`)
	seen := map[string]bool{}
	for _, id := range IDs() {
		if !form.MatchString(id) {
			t.Errorf("%q is not MR-<AREA>-<three digits>", id)
		}
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
	}
}

func TestEveryRuleIsComplete(t *testing.T) {
	losses := []Loss{Lost, Delayed, Degraded, Nothing}
	for _, r := range Rules() {
		if r.Title == "" || r.Remedy == "" || r.Check == nil || r.Clear == nil || len(r.Needs) == 0 {
			t.Errorf("%s lacks a title, a remedy, a check, a clear or a need", r.ID)
		}
		if !slices.Contains(losses, r.Loss) {
			t.Errorf("%s: loss %q is none of %v", r.ID, r.Loss, losses)
		}
		for _, p := range r.Needs {
			if !slices.Contains(allParts(), p) {
				t.Errorf("%s needs %q, which is no part", r.ID, p)
			}
		}
	}
}

// Roots come earlier in the table, so that they are judged before what follows from them, and there is no cycle.
func TestAfterNamesEarlierRules(t *testing.T) {
	var earlier []string
	for _, r := range Rules() {
		for _, id := range r.After {
			if !slices.Contains(earlier, id) {
				t.Errorf("%s is after %s, which is no earlier rule", r.ID, id)
			}
		}
		earlier = append(earlier, r.ID)
	}
}

func TestNeighboursAreOtherRules(t *testing.T) {
	var ids []string
	for _, r := range Rules() {
		ids = append(ids, r.ID)
	}
	for _, r := range Rules() {
		for _, id := range r.Neighbours {
			if id == r.ID || !slices.Contains(ids, id) {
				t.Errorf("%s has the neighbour %s, which is no other rule", r.ID, id)
			}
		}
	}
}

func TestEveryLimitHasUnitAndFloor(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		for _, l := range r.Limits {
			if l.Name == "" || l.Unit == "" || l.Floor <= 0 || l.Default < l.Floor {
				t.Errorf("%s: %+v lacks a name, a unit or a floor of at most its default", r.ID, l)
			}
			if seen[l.Name] {
				t.Errorf("%s: the limit %s is there twice", r.ID, l.Name)
			}
			seen[l.Name] = true
		}
	}
}

// Without any of the parts that it needs a rule is unknown, be the rest as well or as ill as it may.
func TestEveryNeedIsNeeded(t *testing.T) {
	for _, r := range Rules() {
		for _, p := range r.Needs {
			for _, name := range []string{"fault", "control"} {
				found := about(r.ID, Examine(without(fixture(t, r.ID, name), p), nil))
				if len(found) != 1 || found[0].Status != Unknown {
					t.Errorf("%s without %s: %+v, want unknown", r.ID, p, found)
				}
			}
		}
	}
}

// With nothing but the parts that it needs a rule comes to the verdict it comes to with all of them: it reads
// nothing that it has not declared.
func TestEveryReadPartIsDeclared(t *testing.T) {
	for _, r := range Rules() {
		for _, name := range []string{"fault", "control"} {
			whole := fixture(t, r.ID, name)
			part := only(whole, r.Needs...)
			if all, some := r.Check(whole, Limits(nil).of(r)), r.Check(part, Limits(nil).of(r)); !sameText(all, some) {
				t.Errorf("%s, %s: with only its needs it says\n%+v\nelse\n%+v", r.ID, name, some, all)
			}
			if name == "control" && r.Clear(whole, Limits(nil).of(r)) != r.Clear(part, Limits(nil).of(r)) {
				t.Errorf("%s: with only its needs it is clear for another reason", r.ID)
			}
		}
	}
}

func sameText(a, b []Finding) bool {
	return slices.EqualFunc(a, b, func(a, b Finding) bool {
		return a.Subject == b.Subject && a.Status == b.Status && a.Symptom == b.Symptom && a.Cause == b.Cause &&
			slices.Equal(a.Evidence, b.Evidence)
	})
}

func TestEveryFindingIsInTheGuide(t *testing.T) {
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for line := range strings.Lines(string(text)) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok && strings.HasPrefix(id, "MR-") {
			sections = append(sections, id)
		}
	}
	if want := IDs(); !slices.Equal(sorted(sections), sorted(want)) {
		t.Errorf("docs/troubleshooting.md has sections for %v, findings are %v", sorted(sections), sorted(want))
	}
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
