package doctor

import (
	"testing"
)

func TestOverallAndExitCode(t *testing.T) {
	for _, c := range []struct {
		statuses   []Status
		want       Status
		code, hard int
	}{
		{nil, OK, 0, 0},
		{[]Status{OK}, OK, 0, 0},
		{[]Status{Warn}, Warn, 0, 1},
		{[]Status{Warn, Unknown}, Unknown, 3, 3},
		{[]Status{Unknown, Crit, Warn}, Crit, 2, 2},
		{[]Status{""}, Unknown, 3, 3},
	} {
		var found []Finding
		for _, s := range c.statuses {
			found = append(found, Finding{Status: s})
		}
		if got := Overall(found); got != c.want {
			t.Errorf("Overall(%q) = %s, want %s", c.statuses, got, c.want)
		}
		if got := ExitCode(found, false); got != c.code {
			t.Errorf("ExitCode(%q, false) = %d, want %d", c.statuses, got, c.code)
		}
		if got := ExitCode(found, true); got != c.hard {
			t.Errorf("ExitCode(%q, true) = %d, want %d", c.statuses, got, c.hard)
		}
	}
}

func TestConclude(t *testing.T) {
	s := spoiled(unreachable(ProbeStats, FaultRefused, "refused"))
	d := Conclude(s, Examine(s, nil))
	if d.Status != Unknown || d.Rules != len(Rules()) || !d.Time.Equal(noon) {
		t.Errorf("without stats the verdict is %s on %d rules at %v", d.Status, d.Rules, d.Time)
	}
}
