package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/probe"
	"millrace.dev/services/e2e/stack"
)

// diagnose asks as `millrace doctor` does.
func (p *Patient) diagnose(t testing.TB) doctor.Diagnosis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return probe.Diagnose(ctx, probe.Config{Gateway: p.gateway.URL(""), Stats: p.StatsAddr(), Timeout: time.Second})
}

// awaitHealth waits until the doctor finds nothing.
func (p *Patient) awaitHealth(t testing.TB) {
	t.Helper()
	stack.Await(t, "all is well", func() (seen, bool) {
		d := p.diagnose(t)
		return seen{d}, d.Status == doctor.OK
	})
}

// raised is the finding of a rule, if it is a warning or worse.
func raised(d doctor.Diagnosis, id string) *doctor.Finding {
	for i := range d.Findings {
		if f := &d.Findings[i]; f.ID == id && bad(*f) {
			return f
		}
	}
	return nil
}

func bad(f doctor.Finding) bool { return f.Status == doctor.Warn || f.Status == doctor.Crit }

// seen is a diagnosis as a test shows it.
type seen struct{ doctor.Diagnosis }

// String is one line a finding.
func (s seen) String() string {
	var text strings.Builder
	text.WriteString(string(s.Status))
	for _, f := range s.Findings {
		fmt.Fprintf(&text, "\n  %s %s %s: %s %s", f.Status, f.ID, f.Subject, f.Symptom, f.Cause)
	}
	return text.String()
}
