package doctor

import (
	"fmt"
	"strings"

	"millrace.dev/pkg/stream/survey"
)

const unbalancedID = "MR-LEDGER-001"

func ledgerRules() []Rule {
	return []Rule{{
		ID:         unbalancedID,
		Title:      "The ledger does not balance",
		Loss:       Lost,
		Needs:      []Part{PartSurvey},
		After:      []string{redisAwayID, statsAwayID},
		Neighbours: []string{redisAwayID},
		Check:      unbalanced,
		Clear: func(s *Snapshot, _ Limits) string {
			return "The ledger balances: each of " + plural(s.Survey.Total().Accepted, "accepted event", "accepted events") + " is accounted for."
		},
		Remedy: "redis-cli -u \"$REDIS_URL\" xinfo stream millrace:1:{p0}:events   # each partition named above; then send again what is missing",
	}}
}

// unbalanced compares, per pipeline and partition, what came in with where it is. Partitions are not added up
// first: an event lost in one must not hide one counted twice in another.
func unbalanced(s *Snapshot, _ Limits) []Finding {
	var found []Finding
	for _, pipeline := range pipelines(s.Survey) {
		if d := differences(s.Survey, pipeline); d.any() {
			found = append(found, d.finding(s.Survey, pipeline))
		}
	}
	return found
}

// difference is what the accounts of one pipeline lack.
type difference struct {
	lost, doubled uint64
	partitions    []string
}

func differences(s survey.Survey, pipeline string) difference {
	var d difference
	for _, p := range s.Partitions {
		switch n := p.Ledger.Missing(pipeline); {
		case n > 0:
			d.lost += uint64(n)
		case n < 0:
			d.doubled += uint64(-n)
		default:
			continue
		}
		d.partitions = append(d.partitions, fmt.Sprintf("%d: %+d", p.Number, -p.Ledger.Missing(pipeline)))
	}
	return d
}

func (d difference) any() bool { return d.lost+d.doubled > 0 }

func (d difference) finding(s survey.Survey, pipeline string) Finding {
	total := s.Total()
	a := total.Pipelines[pipeline]
	return Finding{
		Subject: pipeline,
		Status:  Crit,
		Symptom: d.symptom(pipeline),
		Cause:   d.cause(),
		Evidence: []Fact{
			{"partitions (too many +, too few -)", strings.Join(d.partitions, ", ")},
			{"came in", fmt.Sprintf("accepted %d - baseline %d + replayed %d + redriven %d", total.Accepted, a.Baseline, a.Replayed, a.Redriven)},
			{"came out", fmt.Sprintf("processed %d + filtered %d + dead %d + skipped %d", a.Processed, a.Filtered, a.Dead, a.Skipped)},
			{"still inside", fmt.Sprintf("unread %d + being worked on %d + waiting for a retry %d", a.Unread, a.Working, a.Waiting)},
		},
	}
}

func (d difference) symptom(pipeline string) string {
	var parts []string
	if d.lost > 0 {
		parts = append(parts, plural(d.lost, "event is lost", "events are lost"))
	}
	if d.doubled > 0 {
		parts = append(parts, plural(d.doubled, "event was counted twice", "events were counted twice"))
	}
	return "In the pipeline " + pipeline + " " + strings.Join(parts, " and ") + "."
}

func (d difference) cause() string {
	const lost = "Entries left the stream without being handled: somebody deleted or trimmed them by hand, or Redis came back with less than it had."
	const doubled = "Entries were delivered again behind the ledger's back: somebody moved the group back by hand, or Redis came back with an older state of it."
	switch {
	case d.doubled == 0:
		return lost
	case d.lost == 0:
		return doubled
	}
	return lost + " " + doubled
}
