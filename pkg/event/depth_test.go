package event

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// byByte is nestsDeeper in its plainest form.
func byByte(b string, depth int) bool {
	level, text := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '[' || c == '{':
			if level++; level > depth {
				return true
			}
		case c == ']' || c == '}':
			if level--; level <= 0 {
				return false
			}
		}
	}
	return false
}

func TestNestsDeeperAgreesWithThePlainForm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"[", "{", "]", "}", `"`, `\`, `\"`, `\\`, `""`, "a", ",", `"[["`, `"\\"`, `"\"]"`}
	for range 20_000 {
		var b strings.Builder
		b.WriteString("[")
		for range r.IntN(30) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		depth := 1 + r.IntN(4)
		// Outside a string a backslash is not JSON; then either answer will do.
		if text := b.String(); !strings.Contains(outside(text), `\`) && nestsDeeper([]byte(text), depth) != byByte(text, depth) {
			t.Fatalf("%s, %d levels: %v", text, depth, nestsDeeper([]byte(text), depth))
		}
	}
}

// outside is what is not in strings.
func outside(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		for i++; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' {
				i++
			}
		}
	}
	return b.String()
}
