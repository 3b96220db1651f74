package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace.dev/pkg/stream/survey"
)

const noWorkerID = "MR-WORKER-001"

func workerRules() []Rule {
	return []Rule{{
		ID:         noWorkerID,
		Title:      "No worker is alive",
		Loss:       Delayed,
		Needs:      []Part{PartSurvey, PartFeed},
		After:      []string{redisAwayID, statsAwayID},
		Neighbours: []string{redisAwayID},
		Check:      noWorker,
		Clear: func(s *Snapshot, _ Limits) string {
			return plural(len(alive(s.Survey, "")), "worker is", "workers are") + " alive and has a share of every pipeline."
		},
		Remedy: "docker compose up -d --scale worker=2   # or bin/worker; without containers: bin/millrace up",
	}}
}

// noWorker finds that nobody works, or else the pipelines that nobody works on. A worker is alive while it
// renews its lease: a process that only reports can't handle anything.
func noWorker(s *Snapshot, _ Limits) []Finding {
	if len(alive(s.Survey, "")) == 0 {
		return []Finding{idle(s, "", "No worker holds a lease")}
	}
	var found []Finding
	for _, pipeline := range pipelines(s.Survey) {
		if len(alive(s.Survey, pipeline)) == 0 {
			f := idle(s, pipeline, "No worker runs the pipeline "+pipeline)
			f.Title = "No worker runs this pipeline"
			found = append(found, f)
		}
	}
	return found
}

func idle(s *Snapshot, pipeline, what string) Finding {
	waiting := uint64(0)
	for name, a := range s.Survey.Total().Pipelines {
		if pipeline == "" || name == pipeline {
			waiting += a.Pending()
		}
	}
	return Finding{
		Subject: pipeline,
		Status:  Crit,
		Symptom: fmt.Sprintf("%s: %s.", what, plural(waiting, "event waits", "events wait")),
		Cause:   idleCause(s, pipeline),
		Evidence: append([]Fact{
			{"leases", number(len(s.Survey.Leases))},
			{"events waiting", number(waiting)},
		}, workerFacts(s)...),
	}
}

func idleCause(s *Snapshot, pipeline string) string {
	workers := workersOf(s)
	up := slices.DeleteFunc(slices.Clone(workers), func(i Instance) bool { return !i.Up })
	switch {
	case pipeline != "":
		return "Workers are alive and none was started with this pipeline: it is in no pipelines file that is in use, or was renamed."
	case len(workers) == 0:
		return "No worker has reported: none was started, or it reports to another stats service."
	case len(up) == 0:
		return "Every worker that was seen has stopped or crashed; nothing has taken its place."
	}
	return plural(len(up), "worker reports", "workers report") + " and can't renew a lease: it is starting, draining, or does not reach this Redis."
}

// workerFacts is a fact about each of the workers that reported last.
func workerFacts(s *Snapshot) []Fact {
	const most = 3
	workers := workersOf(s)
	slices.SortFunc(workers, func(a, b Instance) int { return b.Reported.Compare(a.Reported) })
	var facts []Fact
	for _, w := range workers[:min(len(workers), most)] {
		state := "down"
		if w.Up {
			state = "up"
		}
		ago := s.Taken.Sub(w.Reported).Round(time.Second)
		facts = append(facts, Fact{"worker " + w.ID, fmt.Sprintf("%s, reported %s ago", state, max(ago, 0))})
	}
	if len(facts) == 0 {
		facts = []Fact{{"workers that reported", "none"}}
	}
	return facts
}

func workersOf(s *Snapshot) []Instance {
	var workers []Instance
	for _, i := range s.Instances {
		if i.Service == "worker" {
			workers = append(workers, i)
		}
	}
	return workers
}

// alive is the workers with a lease, by name of their consumers; on one pipeline, or with "" on any.
func alive(s survey.Survey, pipeline string) []string {
	var names []string
	for _, l := range s.Leases {
		if pipeline == "" || l.Pipeline == pipeline {
			names = append(names, l.Consumer)
		}
	}
	slices.SortFunc(names, strings.Compare)
	return slices.Compact(names)
}

// pipelines are the names of those that are registered, sorted.
func pipelines(s survey.Survey) []string {
	var names []string
	for _, p := range s.Partitions {
		for name := range p.Ledger.Pipelines {
			names = append(names, name)
		}
		for name := range p.Groups {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
