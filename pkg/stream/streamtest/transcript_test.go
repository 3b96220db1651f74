package streamtest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

var update = flag.Bool("update", false, "write testdata/differences.txt anew")

// The two servers answer alike but for what is written down: a new miniredis, or a new Redis, can't change that
// unseen, and a script can be written knowing what to avoid.
func TestServersDifferOnlyWhereWrittenDown(t *testing.T) {
	const file = "testdata/differences.txt"
	script, err := os.ReadFile("testdata/transcript.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := questions(string(script))
	got := differences(lines, transcript(t, Redis(t), lines), transcript(t, Embedded(t), lines))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the differences are others than in %s (-update writes them):\n%s", file, got)
	}
}

// questions are the lines to ask, without comments.
func questions(script string) []string {
	var lines []string
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line != "" && (!strings.HasPrefix(line, "#") || strings.HasPrefix(line, "##")) {
			lines = append(lines, line)
		}
	}
	return lines
}

// transcript asks a server every line and returns its answers.
func transcript(t *testing.T, s *Server, lines []string) []string {
	t.Helper()
	c := s.Client(t)
	answers := make([]string, len(lines))
	for i, line := range lines {
		args := words(t, line)
		if strings.HasPrefix(line, "##") {
			args = []any{"FLUSHALL"}
		}
		answers[i] = show(c.Do(t.Context(), args...).Result())
		if strings.HasPrefix(line, "~") {
			answers[i] = numbers.ReplaceAllString(answers[i], "N")
		}
	}
	return answers
}

var numbers = regexp.MustCompile(`\d+`)

// words takes a line apart: at spaces, but for what is in double quotes, where Go's escapes hold.
func words(t *testing.T, line string) []any {
	t.Helper()
	if script, ok := strings.CutPrefix(line, "= "); ok {
		return []any{"EVAL", script, 0}
	}
	var args []any
	for rest := strings.TrimPrefix(line, "~"); rest != ""; rest = strings.TrimPrefix(rest, " ") {
		quoted, err := strconv.QuotedPrefix(rest)
		if err == nil {
			word, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			args, rest = append(args, word), rest[len(quoted):]
			continue
		}
		word, _, _ := strings.Cut(rest, " ")
		args, rest = append(args, word), rest[len(word):]
	}
	return args
}

// show writes an answer on one line, an error by its code: that is what programs act on.
func show(answer any, err error) string {
	switch {
	case errors.Is(err, redis.Nil):
		return "nil"
	case err != nil:
		code, _, _ := strings.Cut(err.Error(), " ")
		return "error " + code
	}
	switch v := answer.(type) {
	case nil:
		return "nil"
	case error:
		return show(nil, v)
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		return strconv.Quote(v)
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			parts[i] = show(part, nil)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprintf("%T %v", answer, answer)
}

// differences tells where two transcripts are not the same, under the sections' headings.
func differences(lines, real, embedded []string) string {
	var b strings.Builder
	heading := ""
	for i, line := range lines {
		if strings.HasPrefix(line, "##") {
			heading = line + "\n"
		}
		if real[i] != embedded[i] {
			fmt.Fprintf(&b, "%s%s\n\tredis:    %.200s\n\tembedded: %.200s\n", heading, line, real[i], embedded[i])
			heading = ""
		}
	}
	return b.String()
}
