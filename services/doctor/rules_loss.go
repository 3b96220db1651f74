package doctor

import (
	"fmt"
	"strings"
	"time"
)

const lossID = "MR-LOSS-001"

// lossTold is for how long a loss is told: it is a fact about the past that nothing clears.
const lossTold = "loss_told"

func lossRules() []Rule {
	return []Rule{{
		ID:         lossID,
		Title:      "Redis came back with less than was seen in it",
		Loss:       Lost,
		Needs:      []Part{PartMemory},
		After:      []string{statsAwayID},
		Neighbours: []string{redisAwayID},
		Limits:     []Limit{{lossTold, "s", 3600, 60}},
		Check:      losses,
		Clear: func(s *Snapshot, l Limits) string {
			return "Redis holds all that was seen in it within " + told(l).String() + ", since stats started."
		},
		Remedy: "redis-cli -u \"$REDIS_URL\" info persistence; redis-cli -u \"$REDIS_URL\" info replication   # then have what was lost sent again",
	}}
}

func told(l Limits) time.Duration { return time.Duration(l[lossTold] * float64(time.Second)) }

// losses adds up what was missed lately in all partitions.
func losses(s *Snapshot, l Limits) []Finding {
	var events uint64
	var where []string
	var last time.Time
	for _, p := range s.Losses {
		if p.Events == 0 || s.Taken.Sub(p.At) >= told(l) {
			continue
		}
		events += p.Events
		where = append(where, fmt.Sprintf("%d: %d", p.Partition, p.Events))
		if p.At.After(last) {
			last = p.At
		}
	}
	if events == 0 {
		return nil
	}
	return []Finding{{
		Status:  Crit,
		Symptom: fmt.Sprintf("Redis came back without %s that had been seen in it, last %v ago.", plural(events, "event", "events"), s.ago(last)),
		Cause: "Redis was started from an older state: an append-only file without its end, a replica that was behind, a copy; " +
			"or somebody flushed it. What it holds balances, since it knows of no more.",
		Evidence: []Fact{
			{"events by partition", strings.Join(where, ", ")},
			{"missed at", last.UTC().Format(time.RFC3339)},
		},
	}}
}
