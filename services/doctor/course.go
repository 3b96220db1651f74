package doctor

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// raiseAfter is how many bad samples raise a finding: one may be an accident.
const raiseAfter = 2

// Course remembers earlier samples, so that a single bad one raises no alarm: two bad samples raise a finding,
// one good one clears it, each for itself by rule and subject. An unknown sample neither raises nor clears;
// when there are two of them, they are shown. So what is shown is never better than what was last measured.
// The zero value is ready; not for use by several goroutines at once.
type Course struct {
	trails map[trailKey]trail
}

type trailKey struct{ id, subject string }

// trail is the samples of one rule and subject since the last good one.
type trail struct {
	samples int       // all of them
	bad     int       // those with a warning or worse
	blind   int       // unknown ones, after the last bad one
	since   time.Time // when the first was taken
	last    Finding   // the last bad one
}

// Next takes what Examine found in the next snapshot, and returns what is raised, in the order of Examine.
func (c *Course) Next(s *Snapshot, found []Finding) []Finding {
	first := c.trails == nil // nothing good has been measured yet: what is bad can't count as ok until it is seen again
	next := make(map[trailKey]trail, len(found))
	raised := []Finding{}
	for _, f := range found {
		key := trailKey{f.ID, f.Subject}
		next[key] = c.trails[key].and(f, s.Taken)
		if shown, ok := next[key].shows(f, first); ok {
			raised = append(raised, shown)
		}
	}
	raised = append(raised, c.carry(next, found)...)
	slices.SortStableFunc(raised, bySeverity)
	c.trails = next
	return raised
}

// carry keeps the trails of subjects whose rule could not be examined: that says nothing good of them. What was
// raised stays so for one such sample.
func (c *Course) carry(next map[trailKey]trail, found []Finding) []Finding {
	var raised []Finding
	for _, f := range found {
		if f.Status.bad() || f.Subject != "" {
			continue
		}
		for _, key := range slices.SortedFunc(maps.Keys(c.trails), bySubject) {
			if _, known := next[key]; known || key.id != f.ID {
				continue
			}
			t := c.trails[key]
			t.samples++
			t.blind++
			next[key] = t
			if t.bad >= raiseAfter && t.blind < raiseAfter {
				raised = append(raised, t.last)
			}
		}
	}
	return raised
}

func bySubject(a, b trailKey) int {
	return strings.Compare(a.id+"\x00"+a.subject, b.id+"\x00"+b.subject)
}

// and is the trail after one more sample that was not good.
func (t trail) and(f Finding, taken time.Time) trail {
	if t.samples == 0 {
		t.since = taken
	}
	t.samples++
	if !f.Status.bad() {
		t.blind++
		return t
	}
	t.bad++
	t.blind = 0
	t.last = f
	t.last.Since = t.since
	return t
}

// shows is what to say after the sample f.
func (t trail) shows(f Finding, first bool) (Finding, bool) {
	switch {
	case t.bad >= raiseAfter && t.blind < raiseAfter:
		return t.last, true
	case t.samples >= raiseAfter || first:
		f.Status = Unknown
		f.Since = t.since
		return f, true
	}
	return Finding{}, false
}
