package render

import (
	"fmt"
	"io"
	"os"
	"strings"

	"millrace.dev/services/doctor"
)

// palette is how a status looks; the zero value is without colour.
type palette struct{ colour bool }

// paletteFor is with colour if w is a terminal.
func paletteFor(w io.Writer) palette {
	f, ok := w.(*os.File)
	if !ok {
		return palette{}
	}
	info, err := f.Stat()
	return palette{colour: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// status is its word in a column of its own.
func (p palette) status(s doctor.Status) string {
	word := fmt.Sprintf("%-7s", strings.ToUpper(string(s)))
	if !p.colour {
		return word
	}
	return "\x1b[1;" + ansi(s) + "m" + word + "\x1b[0m"
}

// ansi is the colour of a status: green, yellow, red, magenta.
func ansi(s doctor.Status) string {
	switch s {
	case doctor.OK:
		return "32"
	case doctor.Warn:
		return "33"
	case doctor.Crit:
		return "31"
	default:
		return "35"
	}
}
