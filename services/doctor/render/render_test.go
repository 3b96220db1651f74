package render_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/render"
)

var update = flag.Bool("update", false, "write the golden files again")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// several has a finding of each kind.
func several() doctor.Diagnosis {
	findings := []doctor.Finding{
		{
			ID: "MR-REDIS-001", Status: doctor.Crit, Title: "Redis can't be reached", Symptom: "Redis at 127.0.0.1:6379 refuses connections.",
			Loss: doctor.Delayed, Cause: "Nothing listens there.",
			Evidence: []doctor.Fact{{Name: "address", Value: "127.0.0.1:6379"}, {Name: "error", Value: "connection refused <1>"}},
			Remedy:   "docker compose up -d redis", Link: "docs/troubleshooting.md#MR-REDIS-001", Since: noon.Add(-4 * time.Second),
		},
		{
			ID: "MR-BUFFER-001", Subject: "g1", Status: doctor.Warn, Title: "The buffer is full", Symptom: "8000 of 10000 events (80 %).",
			Loss: doctor.Delayed, Cause: "Events come in faster than Redis stores them.",
			RuledOut: []doctor.Ruling{{ID: "MR-REDIS-001", Reason: "Redis answers: a round trip takes 0.4 ms."}, {ID: "MR-WORKER-001", Reason: "2 workers are alive."}},
			Remedy:   "millrace stats", Link: "docs/troubleshooting.md#MR-BUFFER-001",
		},
		{ID: "MR-LAG-001", Status: doctor.Unknown, Title: "Events wait too long", Symptom: "Not known.", Cause: "Missing: flow."},
		{ID: "MR-WORKER-001", Status: doctor.Unknown, Title: "No worker is alive", SkippedBy: "MR-REDIS-001"},
		{ID: "MR-LAG-001", Subject: "count", Status: doctor.Unknown, Title: "Events wait too long", SkippedBy: "MR-WORKER-001"},
		{ID: "MR-LEDGER-001", Status: doctor.Unknown, Title: "The ledger does not balance", SkippedBy: "MR-REDIS-001"},
	}
	return doctor.Diagnosis{Time: noon, Status: doctor.Crit, Rules: 7, Findings: findings}
}

func TestGoldens(t *testing.T) {
	well := doctor.Diagnosis{Time: noon, Status: doctor.OK, Rules: 7}
	startup, ok := doctor.Startup(fmt.Errorf("%w: %w", doctor.ErrSettings, errors.New("--grace: -1s is negative")))
	if !ok {
		t.Fatal("wrong settings are no finding")
	}
	for _, c := range []struct {
		name  string
		write func(*bytes.Buffer) error
	}{
		{"several.txt", func(b *bytes.Buffer) error { return render.Report(b, several()) }},
		{"several.json", func(b *bytes.Buffer) error { return render.JSON(b, several()) }},
		{"well.txt", func(b *bytes.Buffer) error { return render.Report(b, well) }},
		{"well.json", func(b *bytes.Buffer) error { return render.JSON(b, well) }},
		{"startup.txt", func(b *bytes.Buffer) error { return render.Text(b, []doctor.Finding{startup}) }},
		{"nothing.txt", func(b *bytes.Buffer) error { return render.Text(b, nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, b.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s\nwant\n%s", name, got, want)
	}
}

func TestJSONIsReadBack(t *testing.T) {
	var b bytes.Buffer
	if err := render.JSON(&b, several()); err != nil {
		t.Fatal(err)
	}
	var again doctor.Diagnosis
	if err := json.Unmarshal(b.Bytes(), &again); err != nil {
		t.Fatal(err)
	}
	var second bytes.Buffer
	if err := render.JSON(&second, again); err != nil || second.String() != b.String() {
		t.Errorf("read and written again (%v):\n%s", err, second.String())
	}
}

func TestJSONLeavesItsArgumentAlone(t *testing.T) {
	d := several()
	if err := render.JSON(&bytes.Buffer{}, d); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(d, several()) {
		t.Error("rendering changed the diagnosis")
	}
}

// A file is no terminal: what goes there has no colour.
func TestNoColourInFiles(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "report"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := render.Report(f, several()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 || bytes.ContainsRune(text, '\x1b') {
		t.Errorf("a file gets %q", text)
	}
}
