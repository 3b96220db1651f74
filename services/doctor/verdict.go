package doctor

import "time"

// Diagnosis is what the doctor found in one snapshot. Its JSON is that of GET /api/diagnosis.
type Diagnosis struct {
	// Time is when the snapshot was taken.
	Time time.Time `json:"time"`
	// Status is the worst among the findings.
	Status Status `json:"status"`
	// Rules is how many rules there are.
	Rules    int       `json:"rules"`
	Findings []Finding `json:"findings"`
}

// Conclude sums up findings about a snapshot.
func Conclude(s *Snapshot, findings []Finding) Diagnosis {
	return Diagnosis{Time: s.Taken, Status: Overall(findings), Rules: len(Rules()), Findings: findings}
}

// Overall is the verdict on everything: critical if anything is, else unknown if anything is, else a warning if
// there is one, else ok.
func Overall(findings []Finding) Status {
	worst := OK
	for _, f := range findings {
		if f.Status.rank() > worst.rank() {
			worst = f.Status
		}
	}
	if worst == "" { // a finding without a verdict
		return Unknown
	}
	return worst
}

// Exit codes of `millrace doctor`, the same in every output format.
const (
	ExitOK      = 0
	ExitWarn    = 1 // only when asked for
	ExitCrit    = 2
	ExitUnknown = 3
)

// ExitCode is the exit code for findings: 0 ok, and for warnings unless failOnWarn makes them 1; 2 when
// anything is critical; 3 when something is unknown and nothing critical.
func ExitCode(findings []Finding, failOnWarn bool) int {
	switch Overall(findings) {
	case Crit:
		return ExitCrit
	case Unknown:
		return ExitUnknown
	case Warn:
		if failOnWarn {
			return ExitWarn
		}
	}
	return ExitOK
}
