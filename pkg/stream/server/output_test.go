package server

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		raw   string
		level slog.Level
		text  string
	}{
		{"12:M 23 Nov 2026 21:36:27.123 * Ready to accept connections", slog.LevelDebug, "Ready to accept connections"},
		{"12:M 23 Nov 2026 21:36:27.123 # Disk is full", slog.LevelWarn, "Disk is full"},
		{"12:M 23 Nov 2026 21:36:27.123 # WARNING Memory overcommit must be enabled!", slog.LevelInfo, "WARNING Memory overcommit must be enabled!"},
		{"12:C 23 Nov 2026 21:36:27.123 # Configuration loaded", slog.LevelDebug, "Configuration loaded"},
		{"12:M 23 Nov 2026 21:36:27.123 # Server initialized", slog.LevelDebug, "Server initialized"},
		{"*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***", slog.LevelDebug, "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***"},
		{"12:M 23 Nov 2026", slog.LevelDebug, "12:M 23 Nov 2026"},
	} {
		if level, text := parseLine(c.raw); level != c.level || text != c.text {
			t.Errorf("parseLine(%q) is %v, %q", c.raw, level, text)
		}
	}
}

func TestOutputIsCutIntoLines(t *testing.T) {
	var log record
	o := &output{log: log.logger(slog.LevelDebug), stopped: func() bool { return false }}
	for _, piece := range []string{"one\ntw", "o\n", "\n", strings.Repeat("x", longestLine+10), "\nlast\n"} {
		n, err := o.Write([]byte(piece))
		if n != len(piece) || err != nil {
			t.Errorf("Write took %d of %d bytes (%v)", n, len(piece), err)
		}
	}
	want := fmt.Sprintf("one | two | %s | %s | last", strings.Repeat("x", longestLine), strings.Repeat("x", 10))
	if got := o.last(); got != want {
		t.Errorf("lines are %.100q of %d bytes, want %d bytes", got, len(got), len(want))
	}
}

func TestOnlyTheLastLinesAreKept(t *testing.T) {
	o := &output{log: slog.New(slog.DiscardHandler), stopped: func() bool { return false }}
	if o.last() != "it said nothing" {
		t.Errorf("at first: %q", o.last())
	}
	for n := range 10 {
		fmt.Fprintf(o, "line %d\n", n)
	}
	if want := "line 4 | line 5 | line 6 | line 7 | line 8 | line 9"; o.last() != want {
		t.Errorf("last is %q, want %q", o.last(), want)
	}
}

func TestWhatRedisSaysWhileItEndsIsNoWarning(t *testing.T) {
	for stopped, want := range map[bool]string{false: "level=WARN", true: "level=DEBUG"} {
		var log record
		o := &output{log: log.logger(slog.LevelDebug), stopped: func() bool { return stopped }}
		fmt.Fprintln(o, "12:M 23 Nov 2026 21:36:27.123 # User requested shutdown...")
		if !strings.Contains(log.String(), want) {
			t.Errorf("stopped %v: %s", stopped, log.String())
		}
	}
}
