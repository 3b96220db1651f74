package doctor

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

const lagID = "MR-LAG-001"

// Limits of the lag.
const (
	lagWarn  = "lag_warn"
	lagCrit  = "lag_crit"
	slowTrip = "lag_redis_round_trip"
	busyPart = "lag_handlers_busy"
)

func lagRules() []Rule {
	return []Rule{{
		ID:         lagID,
		Title:      "Events wait too long",
		Loss:       Delayed,
		Needs:      []Part{PartFlow, ProbePart(ProbeRedis)},
		After:      []string{redisAwayID, statsAwayID, noWorkerID},
		Neighbours: []string{redisAwayID, noWorkerID, bufferFullID},
		Limits: []Limit{
			{lagWarn, "s", 5, 1},
			{lagCrit, "s", 30, 2},
			{slowTrip, "ms", 50, 1},
			{busyPart, "%", 80, 10},
		},
		Check:  lags,
		Clear:  keepsUp,
		Remedy: "docker compose up -d --scale worker=4   # as many as the CPU allows",
	}}
}

func lags(s *Snapshot, l Limits) []Finding {
	var found []Finding
	for _, name := range slices.Sorted(maps.Keys(s.Pipelines)) {
		p := s.Pipelines[name]
		if status := lagStatus(p, l); status != OK {
			found = append(found, lag(s, name, status, l))
		}
	}
	return found
}

// lagStatus is by the age of the oldest event that nobody has read. A backlog that shrinks is no emergency,
// however old it is.
func lagStatus(p PipelineFigures, l Limits) Status {
	switch {
	case p.LagSeconds < l[lagWarn]:
		return OK
	case p.LagSeconds >= l[lagCrit] && p.LagGrowthPerSecond >= 0:
		return Crit
	}
	return Warn
}

func lag(s *Snapshot, name string, status Status, l Limits) Finding {
	p := s.Pipelines[name]
	trip := s.Probes[ProbeRedis].RoundTrip
	cause, remedy := lagCause(p, trip, l)
	return Finding{
		Subject: name,
		Status:  status,
		Symptom: fmt.Sprintf("The oldest of %s in the pipeline %s has waited %s; the backlog %s.",
			plural(p.LagEvents, "unread event", "unread events"), name, seconds(p.LagSeconds), trend(p)),
		Cause:  cause,
		Remedy: remedy,
		Evidence: []Fact{
			{"came in", rate(p.InPerSecond)},
			{"came out", rate(p.OutPerSecond)},
			{"handlers busy", busy(p)},
			{"handler p99", milliseconds(p.HandlerP99)},
			{"Redis's round trip", duration(trip)},
		},
	}
}

// lagCause tells what holds events up: Redis, the handlers, or neither.
func lagCause(p PipelineFigures, trip time.Duration, l Limits) (cause, remedy string) {
	percent, known := utilisation(p)
	switch {
	case float64(trip)/float64(time.Millisecond) >= l[slowTrip]:
		return "Redis is slow: each read and each settlement waits for it.",
			"redis-cli -u \"$REDIS_URL\" slowlog get 10; redis-cli -u \"$REDIS_URL\" --latency-history"
	case known && percent >= l[busyPart]:
		return "The handlers are busy all the time: they are too slow, or too few, for what comes in.", ""
	case p.OutPerSecond == 0:
		return "Workers are alive and nothing comes to an end: a handler hangs, or waits for something outside.",
			"curl -s 'http://127.0.0.1:8000/debug/workers'   # then restart the worker that hangs"
	case p.LagGrowthPerSecond < 0:
		return "A backlog from before is being worked off.", "millrace stats   # wait: the backlog shrinks by itself"
	}
	return "More comes in than the workers take: they wait for CPU or for the network.", ""
}

func keepsUp(s *Snapshot, _ Limits) string {
	oldest := 0.0
	for _, p := range s.Pipelines {
		oldest = max(oldest, p.LagSeconds)
	}
	return "No pipeline is behind: the oldest unread event has waited " + seconds(oldest) + "."
}

func trend(p PipelineFigures) string {
	switch g := p.LagGrowthPerSecond; {
	case g > 0:
		return "grows by " + rate(g)
	case g < 0:
		gone := seconds(float64(p.LagEvents) / -g)
		return "shrinks by " + rate(-g) + " and is gone in about " + gone
	}
	return "stays as it is"
}

// utilisation is how much of the handlers works, in percent.
func utilisation(p PipelineFigures) (percent float64, known bool) {
	if p.Handlers == nil || p.Busy == nil || *p.Handlers == 0 {
		return 0, false
	}
	return 100 * float64(*p.Busy) / float64(*p.Handlers), true
}

func busy(p PipelineFigures) string {
	percent, known := utilisation(p)
	if !known {
		return "not known"
	}
	return fmt.Sprintf("%.0f %% (%d of %d)", percent, *p.Busy, *p.Handlers)
}
