package doctor

import (
	"fmt"
	"time"
)

const (
	pausedID    = "MR-INTAKE-001"
	behindID    = "MR-INTAKE-002"
	undurableID = "MR-INTAKE-003"
)

// memoryHigh is from how much of its memory on Redis's memory is what intake is slowed for. The mark itself is each
// gateway's own (--slow-memory).
const memoryHigh = "intake_memory"

// intakeRules say that gateways keep everybody out, or slow everybody down.
func intakeRules() []Rule {
	return []Rule{{
		ID:         pausedID,
		Title:      "Intake is paused",
		Loss:       Delayed,
		Needs:      []Part{PartControl, PartGates},
		After:      []string{redisAwayID, statsAwayID},
		Neighbours: []string{redisAwayID},
		Check:      paused,
		Clear:      func(*Snapshot, Limits) string { return "No operator has paused intake." },
		Remedy:     "millrace resume",
	}, {
		ID:         behindID,
		Title:      "Intake is slowed: the stream is behind",
		Loss:       Delayed,
		Needs:      []Part{PartGates, PartSurvey},
		After:      []string{redisAwayID, statsAwayID, noWorkerID},
		Neighbours: []string{redisAwayID, noWorkerID},
		Limits:     []Limit{{memoryHigh, "%", 60, 5}},
		Check:      behind,
		Clear:      func(*Snapshot, Limits) string { return "The stream keeps up: no gateway slows intake because of it." },
		Remedy:     "millrace stats   # which pipeline is behind; then docker compose up -d --scale worker=4, or more bin/worker",
	}, {
		ID:         undurableID,
		Title:      "Redis does not give the durability that was asked for",
		Loss:       Delayed,
		Needs:      []Part{PartGates, PartSurvey},
		After:      []string{redisAwayID, statsAwayID},
		Neighbours: []string{redisAwayID},
		Check:      undurable,
		Clear: func(s *Snapshot, _ Limits) string {
			return "Redis gives the durability that every gateway asks for: " + offered(s) + " is the best that it has."
		},
		Remedy: "redis-cli -u \"$REDIS_URL\" config get 'append*'; redis-cli -u \"$REDIS_URL\" info replication   # mend that, or start gateways with a lower --durability",
	}}
}

// paused finds that an operator paused intake. Gateways keep to a pause that Redis has lost, and stats may have
// started after that: so their gates count too.
func paused(s *Snapshot, _ Limits) []Finding {
	shut := gatesAt(s, GateOperator, gateStopped)
	if p := s.Control.Pause; p != nil {
		return []Finding{{
			Status:  Warn,
			Symptom: fmt.Sprintf("Intake has been paused for %v: %s nothing.", s.ago(p.At), plural(len(shut), "gateway takes", "gateways take")),
			Cause:   "An operator paused it: " + orNone(p.By, "without a name") + ", at " + p.At.UTC().Format(time.RFC3339) + ", " + because(p.Why) + ".",
			Evidence: []Fact{
				{"who", orNone(p.By, "not known")},
				{"when", p.At.UTC().Format(time.RFC3339)},
				{"why", orNone(p.Why, "no reason was given")},
				{"gateways that take nothing", number(len(shut))},
			},
		}}
	}
	if len(shut) == 0 {
		return nil
	}
	return []Finding{{
		Status:   Warn,
		Symptom:  fmt.Sprintf("Intake is paused: %s nothing, and Redis knows of no pause.", plural(len(shut), "gateway takes", "gateways take")),
		Cause:    "An operator paused it and Redis has lost that; gateways keep to it until somebody says it anew.",
		Evidence: []Fact{{"gateways that take nothing", number(len(shut))}, {"first of them", shut[0].Instance}},
	}}
}

func orNone(text, none string) string {
	if text == "" {
		return none
	}
	return text
}

func because(why string) string {
	if why == "" {
		return "and gave no reason"
	}
	return fmt.Sprintf("because %q", why)
}

// behind finds the gateways that slow or stop intake because the stream is behind.
func behind(s *Snapshot, l Limits) []Finding {
	var found []Finding
	for _, g := range gatesAt(s, GateAdmission, gateSlowed) {
		f := Finding{Subject: g.Instance, Status: Warn, Cause: behindCause(s, l), Evidence: behindFacts(s)}
		what := "slows what it takes"
		if g.Level >= gateStopped {
			f.Status, f.Title, what = Crit, "Intake has stopped: the stream is behind", "takes nothing"
		}
		name, events := worst(s)
		f.Symptom = fmt.Sprintf("The gateway %s %s: %s not processed in the pipeline %s.",
			g.Instance, what, plural(events, "event is", "events are"), orNone(name, "(none)"))
		found = append(found, f)
	}
	return found
}

// worst is the pipeline with most events that it has not processed.
func worst(s *Snapshot) (name string, events uint64) {
	all := s.Survey.Total().Pipelines
	for _, pipeline := range pipelines(s.Survey) {
		if a := all[pipeline]; name == "" || a.Pending() > events {
			name, events = pipeline, a.Pending()
		}
	}
	return name, events
}

func behindCause(s *Snapshot, l Limits) string {
	used, known := memoryUsed(s)
	_, events := worst(s)
	switch {
	case known && used >= l[memoryHigh]:
		return "Redis's memory is nearly full of events that are not processed (--slow-memory, --stop-memory of the gateway): nothing of them may be trimmed."
	case events == 0:
		return "The stream was behind and has caught up; intake flows again when it is well below the mark at which it was slowed."
	}
	return "The oldest event that is not processed is too old (--slow-lag, --stop-lag of the gateway): workers are too few or too slow, or a handler hangs."
}

func behindFacts(s *Snapshot) []Fact {
	name, events := worst(s)
	return []Fact{
		{"not processed", plural(events, "event", "events") + " in the pipeline " + orNone(name, "(none)")},
		{"oldest unread event", oldestUnread(s)},
		{"Redis's memory", memoryOf(s.Survey.Redis)},
	}
}

// oldestUnread is the age of the oldest event that some pipeline has not read.
func oldestUnread(s *Snapshot) string {
	var oldest time.Duration
	for _, p := range s.Survey.Partitions {
		for _, g := range p.Groups {
			if !g.OldestUnread.IsZero() {
				oldest = max(oldest, s.Survey.Taken.Sub(g.OldestUnread))
			}
		}
	}
	if oldest == 0 {
		return "none: all have been read"
	}
	return seconds(oldest.Seconds()) + " old"
}

// memoryUsed is how much of its maxmemory Redis uses, in percent.
func memoryUsed(s *Snapshot) (used float64, known bool) {
	r := s.Survey.Redis
	if r.UsedMemory == nil || r.MaxMemory == nil || *r.MaxMemory == 0 {
		return 0, false
	}
	return percent(float64(*r.UsedMemory), float64(*r.MaxMemory)), true
}

// undurable finds the gateways that take nothing because they could not promise what they have to.
func undurable(s *Snapshot, _ Limits) []Finding {
	var found []Finding
	for _, g := range gatesAt(s, GateDurability, gateStopped) {
		found = append(found, Finding{
			Subject:  g.Instance,
			Status:   Crit,
			Symptom:  fmt.Sprintf("The gateway %s takes nothing: Redis offers %s, which is less than its --durability.", g.Instance, offered(s)),
			Cause:    "Redis was changed while the gateway ran: its append-only file is off or fsynced too rarely, too few replicas are connected, or it no longer lets this user ask.",
			Evidence: []Fact{{"Redis offers", offered(s)}, {"gateway", g.Instance}},
		})
	}
	return found
}

func offered(s *Snapshot) string { return orNone(s.Survey.Redis.Durability, "nothing that is known") }
