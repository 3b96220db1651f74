package produce

import (
	"bytes"
	"strings"
	"testing"
)

// Whatever append.lua is said to have answered, no event is lost from the books of a batch or counted twice, and what
// is left is whole events.
func FuzzRepeatedReply(f *testing.F) {
	for _, words := range []string{"0 5", "0 1 1 2", "0 3 0 3", "1 9007199254740991", "0 4 1 4 2 9", "2 1", "-1 5", "x 5", "0 x", "9 1", "0", "0 5 0 1", "2 8 2 8"} {
		f.Add(words, true)
		f.Add(words, false)
	}
	f.Fuzz(func(t *testing.T, words string, unknown bool) {
		b := Batch{Parts: []Part{letters(1, 2, 3), letters(4, 6), {Events: 2, Bytes: []byte("ab")}}}
		a := &Appender{anonymous: make([]uint64, 1)}
		attempt := a.begin(&b)
		for i := range attempt.parts {
			attempt.parts[i].unknown = unknown
			attempt.sent = append(attempt.sent, i)
		}
		before := attempt.blob()
		_ = attempt.cut(strings.Fields(words), a.renumber) // an error leaves the rest as it was
		left, cut, known := attempt.events(), 0, 0
		for i := range attempt.parts {
			cut += attempt.parts[i].cut
			known += attempt.parts[i].known
		}
		if left < 0 || cut+left != b.Events() || known > cut || unknown && known > 0 {
			t.Fatalf("%q: %d are cut, of them %d known before, and %d left of %d", words, cut, known, left, b.Events())
		}
		if attempt.duplicates < 0 || attempt.duplicates > known {
			t.Fatalf("%q: %d duplicates are to be counted of %d", words, attempt.duplicates, known)
		}
		if after := attempt.blob(); len(before)-len(after) != b.Events()-left || !bytes.Equal(before[:2], after[:2]) {
			t.Fatalf("%q: %x is cut to %x", words, before, after)
		}
	})
}

// letters are a part with an event of one byte for each number.
func letters(numbers ...uint64) Part {
	p := Part{Session: new(Session)}
	for i, n := range numbers {
		p.Bytes = append(p.Bytes, byte('a'+i))
		p.Add(n, len(p.Bytes))
	}
	return p
}
