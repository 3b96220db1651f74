package doctor

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"millrace.dev/pkg/stream/ledger"
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
	}
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
