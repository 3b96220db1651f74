package doctor

// Status is the verdict on a rule. The zero value counts as Unknown.
type Status string

// The verdicts.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Crit Status = "crit"
	// Unknown: a measurement that the rule needs is missing, or the rule was skipped because of another finding.
	Unknown Status = "unknown"
)

// rank orders verdicts as exit codes do: critical first, then what is not known, then warnings.
func (s Status) rank() int {
	switch s {
	case OK:
		return 0
	case Warn:
		return 1
	case Crit:
		return 3
	default:
		return 2
	}
}

// bad says that the rule was examined and something is wrong.
func (s Status) bad() bool { return s == Warn || s == Crit }

// Loss is what a finding means for the data.
type Loss string

// What can happen to the data.
const (
	// Lost: events that were acknowledged are gone, or were counted twice.
	Lost Loss = "lost"
	// Delayed: events wait; nothing that was acknowledged is lost.
	Delayed Loss = "delayed"
	// Degraded: events flow; figures or guarantees about them are less than they should be.
	Degraded Loss = "degraded"
	// Nothing happens to the data.
	Nothing Loss = "nothing"
)
