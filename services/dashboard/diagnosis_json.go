package dashboard

import (
	"time"

	pb "millrace.dev/proto/gen/millrace/v1"
)

// The JSON of /api/diagnosis.

type diagnosisJSON struct {
	Time     *time.Time    `json:"time"`
	Status   string        `json:"status"`
	Rules    uint32        `json:"rules"`
	Findings []findingJSON `json:"findings"`
}

type findingJSON struct {
	ID        string       `json:"id"`
	Subject   string       `json:"subject"`
	Status    string       `json:"status"`
	Title     string       `json:"title"`
	Symptom   string       `json:"symptom"`
	Loss      string       `json:"loss"`
	Cause     string       `json:"cause"`
	Evidence  []factJSON   `json:"evidence"`
	RuledOut  []rulingJSON `json:"ruled_out"`
	Remedy    string       `json:"remedy"`
	Link      string       `json:"link"`
	SkippedBy string       `json:"skipped_by"`
	Since     *time.Time   `json:"since"`
}

type factJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type rulingJSON struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// renderDiagnosis is the body of /api/diagnosis.
func renderDiagnosis(d *pb.Diagnosis) []byte {
	return encode(diagnosisJSON{
		Time:     moment(d.GetTime()),
		Status:   statusName(d.GetStatus()),
		Rules:    d.GetRules(),
		Findings: rows(d.GetFindings(), finding),
	})
}

func finding(f *pb.Finding) findingJSON {
	return findingJSON{
		ID: f.Id, Subject: f.Subject, Status: statusName(f.Status),
		Title: f.Title, Symptom: f.Symptom, Loss: f.Loss, Cause: f.Cause,
		Evidence: rows(f.Evidence, func(e *pb.Fact) factJSON { return factJSON{e.Name, e.Value} }),
		RuledOut: rows(f.RuledOut, func(r *pb.Ruling) rulingJSON { return rulingJSON{r.Id, r.Reason} }),
		Remedy:   f.Remedy, Link: f.Link, SkippedBy: f.SkippedBy, Since: moment(f.Since),
	}
}

// statusName is the word for a status. One that is not set, or that a newer stats knows and this does not, is
// unknown: a missing answer is never ok.
func statusName(s pb.Status) string {
	switch s {
	case pb.Status_STATUS_OK:
		return "ok"
	case pb.Status_STATUS_WARN:
		return "warn"
	case pb.Status_STATUS_CRIT:
		return "crit"
	default:
		return "unknown"
	}
}
