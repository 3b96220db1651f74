package render

import (
	"strings"
	"testing"

	"millrace.dev/services/doctor"
)

func TestColourSaysTheStatusToo(t *testing.T) {
	seen := map[string]doctor.Status{}
	for _, s := range []doctor.Status{doctor.OK, doctor.Warn, doctor.Crit, doctor.Unknown} {
		plain, coloured := palette{}.status(s), palette{colour: true}.status(s)
		if !strings.Contains(coloured, plain) || !strings.HasSuffix(coloured, "\x1b[0m") {
			t.Errorf("%s in colour is %q: it must hold %q and end its colour", s, coloured, plain)
		}
		start, _, _ := strings.Cut(coloured, plain)
		if other, twice := seen[start]; twice {
			t.Errorf("%s looks as %s does", s, other)
		}
		seen[start] = s
	}
}
