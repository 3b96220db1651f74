package doctor

import (
	"fmt"
	"strings"

	"millrace.dev/pkg/stream/survey"
)

const (
	evictsID    = "MR-REDIS-002"
	boundlessID = "MR-REDIS-003"
)

// noEviction is the one policy under which Redis refuses what it has no memory for, and forgets nothing.
const noEviction = "noeviction"

// memoryRules are about what Redis does when its memory is full.
func memoryRules() []Rule {
	return []Rule{{
		ID:         evictsID,
		Title:      "Redis may forget events",
		Loss:       Lost,
		Needs:      []Part{PartSurvey},
		After:      []string{redisAwayID, statsAwayID},
		Neighbours: []string{redisAwayID},
		Check:      evicts,
		Clear:      func(s *Snapshot, _ Limits) string { return keeps(s.Survey.Redis) },
		Remedy:     "redis-cli -u \"$REDIS_URL\" config set maxmemory-policy noeviction   # and in its configuration file",
	}, {
		ID:         boundlessID,
		Title:      "Redis has no maxmemory",
		Loss:       Nothing,
		Needs:      []Part{PartSurvey},
		After:      []string{redisAwayID, statsAwayID},
		Neighbours: []string{redisAwayID},
		Check:      unbounded,
		Clear:      func(s *Snapshot, _ Limits) string { return bounded(s.Survey.Redis) },
		Remedy:     "redis-cli -u \"$REDIS_URL\" config set maxmemory 1gb   # and in its configuration file: half of what the machine can spare",
	}}
}

// evicts finds a policy under which Redis makes room by forgetting. Without a maxmemory it never does.
func evicts(s *Snapshot, _ Limits) []Finding {
	r := s.Survey.Redis
	if r.MaxMemoryPolicy == "" || r.MaxMemoryPolicy == noEviction {
		return nil
	}
	f := Finding{
		Status:  Crit,
		Symptom: fmt.Sprintf("Redis's maxmemory-policy is %s: when its memory is full it forgets, instead of refusing; %s.", r.MaxMemoryPolicy, memoryOf(r)),
		Cause:   "The policy lets Redis choose any key to forget: a whole partition of the stream, with all events in it, is one.",
		Evidence: []Fact{
			{"maxmemory-policy", r.MaxMemoryPolicy},
			{"memory", memoryOf(r)},
		},
	}
	if strings.HasPrefix(r.MaxMemoryPolicy, "volatile") {
		f.Cause = "The policy lets Redis forget what is kept for a time: leases of workers, and what is known of sessions, so that resends are stored twice."
	}
	if r.MaxMemory == nil || *r.MaxMemory == 0 {
		f.Status, f.Loss = Warn, Nothing
		f.Symptom = fmt.Sprintf("Redis's maxmemory-policy is %s: as soon as it has a maxmemory it forgets, instead of refusing.", r.MaxMemoryPolicy)
	}
	return []Finding{f}
}

func keeps(r survey.Server) string {
	if r.MaxMemoryPolicy == "" {
		return "Redis does not say what it does when its memory is full."
	}
	return "Redis refuses what it has no memory for, and forgets nothing (" + r.MaxMemoryPolicy + ")."
}

// unbounded finds that nothing but the machine bounds Redis. A server that says nothing of its memory, as the embedded
// one, is not meant.
func unbounded(s *Snapshot, _ Limits) []Finding {
	r := s.Survey.Redis
	if r.MaxMemory == nil || *r.MaxMemory > 0 {
		return nil
	}
	return []Finding{{
		Status:  Warn,
		Symptom: "Redis has no maxmemory: " + memoryOf(r) + ".",
		Cause: "Nothing bounds Redis until the kernel ends it. So gateways take half of the memory that it reports for its maxmemory " +
			"(512 MiB where it reports none), and slow and stop intake by that.",
		Evidence: []Fact{{"maxmemory", "0"}, {"memory", memoryOf(r)}},
	}}
}

func bounded(r survey.Server) string {
	if r.MaxMemory == nil {
		return "Redis does not say how much memory it may use."
	}
	return "Redis has a maxmemory: " + memoryOf(r) + "."
}

// memoryOf is how much of its memory Redis uses.
func memoryOf(r survey.Server) string {
	if r.UsedMemory == nil {
		return "how much it uses is not known"
	}
	if r.MaxMemory == nil || *r.MaxMemory == 0 {
		return size(*r.UsedMemory) + " are used"
	}
	used, most := *r.UsedMemory, *r.MaxMemory
	return fmt.Sprintf("%s of %s are used (%.0f %%)", size(used), size(most), percent(float64(used), float64(most)))
}
