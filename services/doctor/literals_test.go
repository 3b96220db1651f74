package doctor

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"millrace.dev/pkg/stream/control"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
)

// The snapshots in testdata are to be captured by the tests that inject real faults, which write the same
// files. For a rule that has not been captured yet, this writes stand-ins, and only when asked to:
//
//	go test ./doctor -run TestWriteLiterals -update-literals MR-LAG-001
var updateLiterals = flag.String("update-literals", "", "write fault and control of this rule (or of all) from literals, in place of captured ones")

// literals are a fault and a control for each rule.
func literals() map[string][2]*Snapshot {
	return map[string][2]*Snapshot{
		redisAwayID: {
			spoiled(unreachable(ProbeRedis, FaultRefused, "dial tcp 127.0.0.1:6379: connect: connection refused"), surveyGone),
			spoiled(slowRedis),
		},
		gatewayAwayID: {
			spoiled(unreachable(ProbeGateway, FaultRefused, "dial tcp 127.0.0.1:8000: connect: connection refused")),
			spoiled(),
		},
		statsAwayID: {
			spoiled(unreachable(ProbeStats, FaultRefused, "dial tcp 127.0.0.1:9000: connect: connection refused"), surveyGone),
			spoiled(),
		},
		noWorkerID: {
			spoiled(noLeases, workersDown),
			spoiled(func(s *Snapshot) { s.Survey.Leases = s.Survey.Leases[:2]; s.Instances[2].Up = false }),
		},
		unbalancedID: {
			spoiled(account(0, ledger.Account{Processed: 990})),
			spoiled(account(0, ledger.Account{Replayed: 50, Redriven: 2, Processed: 1040, Dead: 3, Retried: 7, Working: 5, Waiting: 4})),
		},
		lagID: {
			spoiled(figures(6, 100, 4)),
			spoiled(figures(0.8, 100, 4)),
		},
		bufferFullID: {
			spoiled(fill(9990, 3)),
			spoiled(fill(6000, 0)),
		},
		evictsID:      {spoiled(memory("allkeys-lru", 512<<20)), spoiled(memory("noeviction", 1<<30))},
		boundlessID:   {spoiled(memory("noeviction", 0)), spoiled(memory("noeviction", 1<<20))},
		lossID:        {spoiled(lostAgo(time.Minute)), spoiled(lostAgo(2 * time.Hour))},
		pausedID:      {spoiled(pausedBy("alice", "a deploy"), gate(GateOperator, 2)), spoiled(resumed)},
		behindID:      {spoiled(gate(GateAdmission, 1), backlog(5000)), spoiled(backlog(5000))},
		undurableID:   {spoiled(gate(GateDurability, 2), durability("stored")), spoiled(durability("stored"))},
		dropsID:       {spoiled(dropping(300)), spoiled(dropping(0.05))},
		noRoomID:      {spoiled(refusing("overloaded", 300)), spoiled(refusing("overloaded", 0.6))},
		overLimitID:   {spoiled(refusing("rate_limited", 300)), spoiled(refusing("rate_limited", 0.6), holding(0.2))},
		faultyID:      {spoiled(refusing("invalid_json", 300)), spoiled(refusing("invalid_json", 40))}, // 0.8 %
		noEntryID:     {spoiled(refusing("forbidden", 300)), spoiled(refusing("forbidden", 0.6))},
		controlLostID: {spoiled(func(s *Snapshot) { s.Control.Lost = true }), spoiled(limited)},
	}
}

// memory is what Redis says of its own.
func memory(policy string, most uint64) func(*Snapshot) {
	return func(s *Snapshot) { s.Survey.Redis.MaxMemoryPolicy, s.Survey.Redis.MaxMemory = policy, &most }
}

func durability(level string) func(*Snapshot) {
	return func(s *Snapshot) { s.Survey.Redis.Durability = level }
}

func lostAgo(d time.Duration) func(*Snapshot) {
	return func(s *Snapshot) {
		s.Losses = []PartitionLoss{{Partition: 0, Events: 15, At: noon.Add(-d - time.Second)}, {Partition: 1, Events: 21, At: noon.Add(-d)}}
	}
}

func pausedBy(who, why string) func(*Snapshot) {
	return func(s *Snapshot) {
		s.Control.Pause = &control.Change{At: noon.Add(-12 * time.Minute), By: who, What: "paused", Why: why}
	}
}

// resumed is a pause that is over, as the log tells.
func resumed(s *Snapshot) { s.Control = &Control{Keys: 2} }

// limited is a snapshot in which operators set limits.
func limited(s *Snapshot) {
	s.Control.Limits = map[control.Limit]float64{control.EventsPerAddress: 100}
}

// gate is how much a reason shuts the gateway g1.
func gate(reason string, level int) func(*Snapshot) {
	return func(s *Snapshot) {
		for i := range s.Gates {
			if s.Gates[i].Reason == reason {
				s.Gates[i].Level = level
			}
		}
	}
}

// backlog is events that were accepted and not read.
func backlog(events uint64) func(*Snapshot) {
	return func(s *Snapshot) {
		p := &s.Survey.Partitions[1]
		p.Ledger.Accepted += events
		a := p.Ledger.Pipelines["count"]
		a.Unread += events
		p.Ledger.Pipelines["count"] = a
		p.Groups["count"] = survey.Group{Delivered: "1-0", OldestUnread: noon.Add(-3 * time.Second)}
	}
}

func refusing(reason string, perSecond float64) func(*Snapshot) {
	return func(s *Snapshot) { s.Refusals[0].Rejected = map[string]float64{reason: perSecond} }
}

func holding(perSecond float64) func(*Snapshot) {
	return func(s *Snapshot) { s.Refusals[0].Held = map[string]float64{"rate_limited": perSecond} }
}

func dryRun(perSecond float64) func(*Snapshot) {
	return func(s *Snapshot) { s.Refusals[0].DryRun = map[string]float64{"rate_limited": perSecond} }
}

func dropping(perSecond float64) func(*Snapshot) {
	return func(s *Snapshot) { s.Refusals[0].DroppedPerSecond = perSecond }
}

func slowRedis(s *Snapshot) {
	s.Probes[ProbeRedis] = Probe{Target: "127.0.0.1:6379", RoundTrip: 900 * time.Millisecond}
}

// surveyGone is what is missing while nobody can sweep.
func surveyGone(s *Snapshot) {
	s.Survey, s.Pipelines = without(s, PartSurvey).Survey, nil
	s.Missing = map[Part]string{PartSurvey: "the sweep failed", PartFlow: "the sweep failed"}
}

func TestWriteLiterals(t *testing.T) {
	var rules []string
	for _, r := range Rules() {
		rules = append(rules, r.ID)
	}
	for id, pair := range literals() {
		if !slices.Contains(rules, id) {
			t.Errorf("there are literals for %s, which is no rule", id)
		}
		if *updateLiterals == id || *updateLiterals == "all" {
			write(t, id, "fault", pair[0])
			write(t, id, "control", pair[1])
		}
	}
}

func write(t *testing.T, id, name string, s *Snapshot) {
	t.Helper()
	folder := filepath.Join("testdata", id)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
