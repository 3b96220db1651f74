package doctor

import (
	"cmp"
	"slices"
	"strings"
)

// Examine applies all rules to a snapshot. It returns a finding for each rule and subject that is not ok: what
// is critical first, then warnings, then what is not known, then what was skipped because of another; within
// each, root causes first. It is pure: the same snapshot gives the same findings.
func Examine(s *Snapshot, limits Limits) []Finding { return examine(Rules(), s, limits) }

func examine(rules []Rule, s *Snapshot, limits Limits) []Finding {
	e := examination{snapshot: s, limits: limits, verdicts: make(map[string][]Finding, len(rules))}
	for _, r := range rules {
		e.verdicts[r.ID] = e.judge(r)
	}
	var found []Finding
	for _, r := range rules {
		for _, f := range e.verdicts[r.ID] {
			found = append(found, e.ruleOut(rules, r, f))
		}
	}
	slices.SortStableFunc(found, bySeverity)
	return found
}

type examination struct {
	snapshot *Snapshot
	limits   Limits
	verdicts map[string][]Finding // by rule; present and empty: ok
}

// judge returns the findings of one rule.
func (e *examination) judge(r Rule) []Finding {
	if root, ok := e.root(r, ""); ok {
		return []Finding{skipped(r, "", root)}
	}
	for _, part := range r.Needs {
		if why, ok := e.snapshot.absent(part); ok {
			return []Finding{unmeasured(r, part, why)}
		}
	}
	found := r.Check(e.snapshot, e.limits.of(r))
	for i, f := range found {
		found[i] = complete(r, f)
		if root, ok := e.root(r, f.Subject); ok {
			found[i] = skipped(r, f.Subject, root)
		}
	}
	return found
}

// root finds a raised root cause of a rule that is about subject. Only one without a subject explains everything.
func (e *examination) root(r Rule, subject string) (string, bool) {
	for _, id := range r.After {
		for _, f := range e.verdicts[id] {
			if f.Status.bad() && f.Subject == subject {
				return id, true
			}
		}
	}
	return "", false
}

// ruleOut adds to a finding what was measured of its neighbours that are ok.
func (e *examination) ruleOut(rules []Rule, r Rule, f Finding) Finding {
	if !f.Status.bad() {
		return f
	}
	for _, n := range rules {
		if slices.Contains(r.Neighbours, n.ID) && len(e.verdicts[n.ID]) == 0 {
			f.RuledOut = append(f.RuledOut, Ruling{n.ID, n.Clear(e.snapshot, e.limits.of(n))})
		}
	}
	return f
}

// complete fills in what a finding has from its rule.
func complete(r Rule, f Finding) Finding {
	f.ID = r.ID
	f.Title = cmp.Or(f.Title, r.Title)
	f.Loss = cmp.Or(f.Loss, r.Loss)
	f.Remedy = strings.ReplaceAll(cmp.Or(f.Remedy, r.Remedy), "{subject}", f.Subject)
	f.Link = linkTo(r.ID)
	return f
}

func skipped(r Rule, subject, root string) Finding {
	return Finding{
		ID: r.ID, Subject: subject, Status: Unknown, Title: r.Title, SkippedBy: root,
		Symptom: "Not examined: it would only say what follows from " + root + ".",
		Link:    linkTo(r.ID),
	}
}

func unmeasured(r Rule, part Part, why string) Finding {
	return Finding{
		ID: r.ID, Status: Unknown, Title: r.Title,
		Symptom:  "Not known: what it rests on is missing.",
		Cause:    "Missing: " + string(part) + " (" + why + ").",
		Evidence: []Fact{{"missing", string(part)}, {"because", why}},
		Remedy:   "millrace doctor",
		Link:     linkTo(r.ID),
	}
}

// bySeverity puts what a person should do something about first.
func bySeverity(a, b Finding) int { return severity(a) - severity(b) }

func severity(f Finding) int {
	switch {
	case f.Status == Crit:
		return 0
	case f.Status == Warn:
		return 1
	case f.SkippedBy == "":
		return 2
	}
	return 3
}
