package faults

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace.dev/services/doctor"
	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every finding that there is can be provoked, and nothing else is tried.
func TestEveryFindingHasItsFault(t *testing.T) {
	ids := slices.Sorted(maps.Keys(Faults()))
	for id, f := range Faults() {
		if f.Inject == nil || f.Control == nil || f.Within <= 0 {
			t.Errorf("%s lacks its fault, its control or its time", id)
		}
	}
	ids = append(ids, slices.Sorted(maps.Keys(Starts()))...)
	slices.Sort(ids)
	if want := slices.Sorted(slices.Values(doctor.IDs())); !slices.Equal(ids, want) {
		t.Errorf("there are faults for %v, findings are %v", ids, want)
	}
}

// Each fault, made for real, is named in time.
func TestFaultsAreNamed(t *testing.T) {
	for id, f := range Faults() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			p := admit(t)
			p.awaitHealth(t)
			f.Inject(t, p)
			began := time.Now()
			found := stack.AwaitWithin(t, f.Within, "the doctor names "+id, func() (seen, bool) {
				d := p.diagnose(t)
				return seen{d}, raised(d, id) != nil
			})
			t.Logf("named after %v: %s", time.Since(began).Round(100*time.Millisecond), raised(found.Diagnosis, id).Symptom)
			p.printed(t, id)
		})
	}
}

// What only looks like a fault raises nothing.
func TestControlsAreSilent(t *testing.T) {
	for id, f := range Faults() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			p := admit(t)
			p.awaitHealth(t)
			f.Control(t, p)
			// Two bad samples raise a finding; stats takes one a second.
			for until := time.Now().Add(4 * time.Second); time.Now().Before(until); stack.Last(t, 200*time.Millisecond) {
				if d := p.diagnose(t); slices.ContainsFunc(d.Findings, bad) {
					t.Fatalf("raised: %v", seen{d})
				}
			}
			p.awaitHealth(t)
		})
	}
}

// Each start that fails says which finding it is and what to do.
func TestFailedStartsAreNamed(t *testing.T) {
	for id, prepare := range Starts() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			s := prepare(t)
			process, code := proc.Run(t, s.Command, nil, s.Args...)
			if code != s.Code || !strings.Contains(process.Log(), id) || !strings.Contains(process.Log(), "remedy") {
				t.Errorf("exit code %d, want %d and %s with its remedy:\n%s", code, s.Code, id, process.Log())
			}
		})
	}
}

// printed runs the command that an operator would.
func (p *Patient) printed(t testing.TB, id string) {
	t.Helper()
	command, code := p.Command("doctor", "--url="+p.gateway.WebSocket(), "--stats-addr="+p.StatsAddr(), "--fail-on=warn")
	if code == doctor.ExitOK || !strings.Contains(command.Output(), id) {
		t.Errorf("millrace doctor: exit code %d:\n%s", code, command.Log())
	}
}
