package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Each rule has two snapshots in testdata/<ID>: fault.json, taken while the fault was there, and control.json,
// taken of something like it that is no fault. They are read as `millrace doctor --from` reads a bundle.

func TestEveryRuleHasItsFault(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			found := about(r.ID, Examine(fixture(t, r.ID, "fault"), nil))
			if len(found) == 0 {
				t.Fatal("the fault is not found")
			}
			for _, f := range found {
				checkComplete(t, f)
			}
		})
	}
}

func TestEveryRuleHasItsControl(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			s := fixture(t, r.ID, "control")
			if found := Examine(s, nil); len(found) != 0 {
				t.Errorf("the control is not silent: %+v", found)
			}
			if clear := r.Clear(s, Limits(nil).of(r)); clear == "" {
				t.Error("the rule has nothing to say when it is ok: then it can't be ruled out")
			}
		})
	}
}

// A fault that was captured for a rule that is gone or renamed is found by nobody any more.
func TestEveryFixtureHasItsRule(t *testing.T) {
	folders, err := filepath.Glob("testdata/MR-*")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) != len(Rules()) {
		t.Errorf("%d folders in testdata for %d rules: %v", len(folders), len(Rules()), folders)
	}
}

// checkComplete says what a finding lacks that a person would ask for next.
func checkComplete(t *testing.T, f Finding) {
	t.Helper()
	if !f.Status.bad() {
		t.Errorf("status %q, want a warning or worse (skipped because of %q)", f.Status, f.SkippedBy)
	}
	for name, value := range map[string]string{
		"title": f.Title, "symptom": f.Symptom, "loss": string(f.Loss), "cause": f.Cause, "remedy": f.Remedy, "link": f.Link,
	} {
		if value == "" {
			t.Errorf("no %s", name)
		}
	}
	if len(f.Evidence) == 0 {
		t.Error("no evidence")
	}
	for _, e := range f.Evidence {
		if e.Name == "" || e.Value == "" {
			t.Errorf("evidence without a name or value: %+v", e)
		}
	}
}

// A fault rules out those neighbours that its snapshot shows to be well, each with a sentence.
func TestFaultsRuleOutTheirNeighbours(t *testing.T) {
	for _, r := range Rules() {
		found := about(r.ID, Examine(fixture(t, r.ID, "fault"), nil))
		for _, f := range found {
			if len(f.RuledOut) != len(r.Neighbours) {
				t.Errorf("%s rules out %v, want each of %v", r.ID, f.RuledOut, r.Neighbours)
			}
			for _, ruling := range f.RuledOut {
				if ruling.Reason == "" {
					t.Errorf("%s rules out %s without a reason", r.ID, ruling.ID)
				}
			}
		}
	}
}

func TestSnapshotSurvivesJSON(t *testing.T) {
	s := spoiled(unreachable(ProbeRedis, FaultRefused, "refused"))
	s.Missing = map[Part]string{PartFlow: "one sweep is not enough"}
	first, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Read(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	second, err := json.Marshal(again)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("written again it differs (%v):\n%s\n%s", err, first, second)
	}
}

// That nothing was measured and that there is nothing are two things; JSON must keep them apart.
func TestEmptyPartsStayMeasured(t *testing.T) {
	s := healthy()
	s.Instances, s.Buffers, s.Pipelines = []Instance{}, []Buffer{}, map[string]PipelineFigures{}
	s.Losses, s.Refusals, s.Gates, s.Control = []PartitionLoss{}, []Refusals{}, []Gate{}, &Control{}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range allParts() {
		if why, missing := again.absent(p); missing {
			t.Errorf("%s is missing after a trip through JSON: %s", p, why)
		}
	}
}

func TestReadRefusesWhatIsNoSnapshot(t *testing.T) {
	for _, text := range []string{"", "[]", `{"taken": 1}`, `{"nonsense": 1}`} {
		if _, err := Read(bytes.NewReader([]byte(text))); err == nil {
			t.Errorf("%q was read as a snapshot", text)
		}
	}
}

func fixture(t *testing.T, id, name string) *Snapshot {
	t.Helper()
	path := filepath.Join("testdata", id, name+".json")
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is missing: every rule has a fault and a control that were captured", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s, err := Read(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return s
}
