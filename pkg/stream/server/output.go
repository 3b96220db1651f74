package server

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

// output takes what Redis says to the log, line by line, and remembers the last lines for the error when it dies.
type output struct {
	log     *slog.Logger
	stopped func() bool // we are ending it: what it says of that is no warning

	mu      sync.Mutex
	partial []byte
	tail    []string
}

const (
	longestLine = 4096 // of bytes; what is longer is cut in two
	tailLines   = 6
)

// Write takes lines, the last one perhaps without its end.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, p...)
	for {
		end := bytes.IndexByte(o.partial, '\n') + 1
		if end == 0 && len(o.partial) < longestLine {
			return len(p), nil
		}
		if end == 0 {
			end = longestLine
		}
		o.line(strings.TrimSpace(string(o.partial[:end])))
		o.partial = append(o.partial[:0], o.partial[end:]...)
	}
}

func (o *output) line(raw string) {
	if raw == "" {
		return
	}
	level, text := parseLine(raw)
	if o.stopped() {
		level = slog.LevelDebug
	}
	o.log.Log(context.Background(), level, "Redis: "+text)
	o.tail = append(o.tail, text)
	if len(o.tail) > tailLines {
		o.tail = o.tail[1:]
	}
}

// last is the end of what Redis said.
func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.tail) == 0 {
		return "it said nothing"
	}
	return strings.Join(o.tail, " | ")
}

// parseLine takes a line of Redis's log apart: "1234:M 23 Nov 2026 21:36:27.123 # text". Before the text is its
// level: . debug, - verbose, * notice, # warning. The letter is the process's role; C is one that is still reading its
// settings, whose # are no warnings. A text that begins with WARNING is advice about the machine, at every start.
func parseLine(raw string) (slog.Level, string) {
	fields := strings.SplitN(raw, " ", 7)
	if len(fields) < 7 || !strings.Contains(fields[0], ":") || len(fields[5]) != 1 {
		return slog.LevelDebug, raw
	}
	role, mark, text := fields[0], fields[5], fields[6]
	switch {
	case mark != "#" || strings.HasSuffix(role, ":C") || strings.HasPrefix(text, "Server initialized"):
		return slog.LevelDebug, text
	case strings.HasPrefix(text, "WARNING"):
		return slog.LevelInfo, text
	}
	return slog.LevelWarn, text
}
