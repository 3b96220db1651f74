package doctor

import "fmt"

const controlLostID = "MR-ACCESS-002"

func controlRules() []Rule {
	return []Rule{{
		ID:         controlLostID,
		Title:      "Redis has lost what operators had said",
		Loss:       Degraded,
		Needs:      []Part{PartControl},
		After:      []string{redisAwayID, statsAwayID},
		Neighbours: []string{redisAwayID},
		Check:      controlLost,
		Clear: func(s *Snapshot, _ Limits) string {
			return "Redis knows what operators have said: " + saidOf(s.Control) + "."
		},
		Remedy: "millrace keys list; millrace limit   # make keys anew (millrace keys create), then set limits and pause again",
	}}
}

func controlLost(s *Snapshot, _ Limits) []Finding {
	if !s.Control.Lost {
		return nil
	}
	return []Finding{{
		Status:  Crit,
		Symptom: "Redis has lost keys, limits or a pause that operators had set. Remembered are " + saidOf(s.Control) + ".",
		Cause: "Redis came back with an older state, or was flushed. Processes that run keep to what they remember; " +
			"one that starts now knows only what Redis holds, and may let in whom it should not.",
		Evidence: []Fact{{"remembered", saidOf(s.Control)}},
	}}
}

// saidOf is what operators have said, in numbers.
func saidOf(c *Control) string {
	pause := "no pause"
	if c.Pause != nil {
		pause = "a pause"
	}
	return fmt.Sprintf("%s, %s and %s", plural(c.Keys, "key", "keys"), plural(len(c.Limits), "limit", "limits"), pause)
}
