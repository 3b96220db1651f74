package render

import (
	"encoding/json"
	"io"

	"millrace.dev/services/doctor"
)

// JSON writes a diagnosis with the names of GET /api/diagnosis. Lists are never null.
func JSON(w io.Writer, d doctor.Diagnosis) error {
	findings := make([]doctor.Finding, len(d.Findings))
	for i, f := range d.Findings {
		if f.Evidence == nil {
			f.Evidence = []doctor.Fact{}
		}
		if f.RuledOut == nil {
			f.RuledOut = []doctor.Ruling{}
		}
		findings[i] = f
	}
	d.Findings = findings
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(d)
}
