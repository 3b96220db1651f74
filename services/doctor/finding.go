package doctor

import "time"

// Finding is one thing that is wrong, or that can't be known. Its JSON has the names of millrace.v1.Finding.
type Finding struct {
	// ID of the rule: stable, never reused.
	ID string `json:"id"`
	// Subject is what it is about (a pipeline, an instance), or empty.
	Subject string `json:"subject"`
	Status  Status `json:"status"`
	Title   string `json:"title"`
	// Symptom is what is seen, with the measured number.
	Symptom string `json:"symptom"`
	// Loss is what happens to the data, empty while that is unknown; Cause, why it is so.
	Loss  Loss   `json:"loss"`
	Cause string `json:"cause"`
	// Evidence is what the verdict rests on.
	Evidence []Fact `json:"evidence"`
	// RuledOut are neighbouring causes, each with what was measured instead.
	RuledOut []Ruling `json:"ruled_out"`
	// Remedy is a command.
	Remedy string `json:"remedy"`
	// Link is where it is explained.
	Link string `json:"link"`
	// SkippedBy is the id of the finding because of which this rule was not examined.
	SkippedBy string `json:"skipped_by"`
	// Since is when the first of the samples that raised it was taken; zero when no Course saw it.
	Since time.Time `json:"since,omitzero"`
}

// Fact is one measurement.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Ruling is a rule that might have explained the symptom, and why it does not.
type Ruling struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// linkTo is where the guide explains a finding.
func linkTo(id string) string { return "docs/troubleshooting.md#" + id }

// AboutStats says that the finding is about stats itself: who raised it had nobody to ask.
func (f Finding) AboutStats() bool { return f.ID == statsAwayID }

// AboutGateway says that the finding is that no gateway can be reached.
func (f Finding) AboutGateway() bool { return f.ID == gatewayAwayID }
