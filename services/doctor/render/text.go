// Package render writes findings for people and for programs.
package render

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"millrace.dev/services/doctor"
)

// label is the width of the column of names.
const label = 11

// Text writes findings as a person reads them, one block each. It writes nothing for none.
func Text(w io.Writer, findings []doctor.Finding) error {
	_, err := io.WriteString(w, blocks(findings, palette{}))
	return err
}

// Report writes a diagnosis: its findings, then the verdict in one line. Colour only if w is a terminal.
func Report(w io.Writer, d doctor.Diagnosis) error {
	p := paletteFor(w)
	text := blocks(d.Findings, p)
	if text != "" {
		text += "\n"
	}
	_, err := io.WriteString(w, text+verdict(d, p)+"\n")
	return err
}

func blocks(findings []doctor.Finding, p palette) string {
	var texts, roots []string
	skipped := map[string][]doctor.Finding{} // by root
	for _, f := range findings {
		if f.SkippedBy == "" {
			texts = append(texts, block(f, p))
			continue
		}
		if skipped[f.SkippedBy] == nil {
			roots = append(roots, f.SkippedBy)
		}
		skipped[f.SkippedBy] = append(skipped[f.SkippedBy], f)
	}
	for _, root := range roots {
		texts = append(texts, notExamined(root, skipped[root], p))
	}
	return strings.Join(texts, "\n")
}

// notExamined is one block for all that was skipped because of one finding: they have nothing else to say.
func notExamined(root string, skipped []doctor.Finding, p palette) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  not examined because of %s\n", p.status(doctor.Unknown), root)
	for i, f := range skipped {
		row(&b, head("skipped", i), f.ID+"  "+f.Title+about(f))
	}
	return b.String()
}

// about is the subject after a title.
func about(f doctor.Finding) string {
	if f.Subject == "" {
		return ""
	}
	return " (" + f.Subject + ")"
}

// block is one finding.
func block(f doctor.Finding, p palette) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s%s\n", p.status(f.Status), f.ID, f.Title, about(f))
	row(&b, "symptom", f.Symptom)
	row(&b, "data", data(f.Loss))
	row(&b, "cause", f.Cause)
	for i, e := range f.Evidence {
		row(&b, head("evidence", i), e.Name+": "+e.Value)
	}
	for i, r := range f.RuledOut {
		row(&b, head("ruled out", i), r.ID+": "+r.Reason)
	}
	row(&b, "remedy", f.Remedy)
	row(&b, "more", f.Link)
	if !f.Since.IsZero() {
		row(&b, "since", f.Since.UTC().Format(time.RFC3339))
	}
	return b.String()
}

func row(b *strings.Builder, name, text string) {
	if text != "" {
		fmt.Fprintf(b, "  %-*s%s\n", label, name, text)
	}
}

// head names the first row of several.
func head(name string, i int) string {
	if i > 0 {
		return ""
	}
	return name
}

// data says what a loss means.
func data(l doctor.Loss) string {
	switch l {
	case doctor.Lost:
		return "lost: acknowledged events are gone, or were counted twice"
	case doctor.Delayed:
		return "delayed: events wait; nothing that was acknowledged is lost"
	case doctor.Degraded:
		return "degraded: events flow, with less assurance than they should have"
	case doctor.Nothing:
		return "nothing happens to it"
	}
	return string(l)
}

func verdict(d doctor.Diagnosis, p palette) string {
	counts := map[doctor.Status]int{}
	for _, f := range d.Findings {
		counts[f.Status]++
	}
	line := p.status(cmp.Or(d.Status, doctor.Unknown)) + "  "
	if len(d.Findings) == 0 && d.Status == doctor.OK {
		return line + fmt.Sprintf("%d rules examined, nothing found", d.Rules)
	}
	return line + fmt.Sprintf("%d rules examined; critical: %d, warnings: %d, unknown: %d",
		d.Rules, counts[doctor.Crit], counts[doctor.Warn], counts[doctor.Unknown])
}
