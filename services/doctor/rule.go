package doctor

import "slices"

// Rule is one line of the table: what has to be measured, and what is wrong if the measurement says so.
type Rule struct {
	// ID is stable and never reused: MR-<AREA>-<number>.
	ID    string
	Title string
	// Loss is what happens to the data while the rule is raised.
	Loss Loss
	// Needs are the parts of a snapshot that Check and Clear read. While one is missing the verdict is unknown
	// and neither is called, so that neither has to look.
	Needs []Part
	// After are the root causes, earlier in the table: when one is raised, this rule is skipped because of it.
	// A root with a subject hides only the findings about the same subject.
	After []string
	// Neighbours are rules whose symptom looks alike: a finding says of each that is ok what was measured there.
	Neighbours []string
	Limits     []Limit
	// Check returns a finding for each subject that is not ok. It is pure. Status, Symptom, Cause and Evidence
	// are its own; what it leaves empty of the rest is filled in from the rule.
	Check func(s *Snapshot, l Limits) []Finding
	// Clear says in a sentence what was measured when the rule is ok: why it is ruled out.
	Clear func(s *Snapshot, l Limits) string
	// Remedy is a command; {subject} stands for the subject.
	Remedy string
}

// Rules is the table, in order of priority: root causes before what follows from them.
func Rules() []Rule {
	return slices.Concat(redisRules(), reachRules(), memoryRules(), lossRules(), workerRules(), ledgerRules(), lagRules(),
		intakeRules(), bufferRules(), roomRules(), limitRules(), rejectRules(), accessRules(), controlRules())
}

// IDs of all findings there are: those of the rules, then those of failures to start.
func IDs() []string {
	var ids []string
	for _, r := range Rules() {
		ids = append(ids, r.ID)
	}
	for _, f := range failures() {
		ids = append(ids, f.id)
	}
	return ids
}
