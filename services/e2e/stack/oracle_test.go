package stack

import (
	"fmt"
	"strings"
	"testing"

	"millrace.dev/pkg/event"
)

// The oracle is what every end-to-end test rests on: it must see whatever can be wrong.

// judge hears what a check has to complain about.
type judge struct {
	testing.TB
	complaints []string
}

func (j *judge) Helper() {}
func (j *judge) Errorf(format string, args ...any) {
	j.complaints = append(j.complaints, fmt.Sprintf(format, args...))
}

func sent(sender string, n int) event.Event {
	return event.Event{ID: ID(sender, n), Type: Type(n), Subject: sender, PartitionKey: key(n), Data: []byte(Data(n))}
}

func TestOracleSees(t *testing.T) {
	ids := []string{ID("a", 1), ID("a", 2), ID("a", 3)}
	spoilt := sent("a", 2)
	spoilt.Data = []byte(strings.Replace(Data(2), " ", "", 1))
	for name, c := range map[string]struct {
		stored [][]event.Event
		says   string
	}{
		"nothing":         {[][]event.Event{{sent("a", 1), sent("a", 2)}, {sent("a", 3)}}, ""},
		"a loss":          {[][]event.Event{{sent("a", 1)}, {sent("a", 3)}}, "1 are missing (a/2)"},
		"a duplicate":     {[][]event.Event{{sent("a", 1), sent("a", 2)}, {sent("a", 2), sent("a", 3)}}, "1 are there twice (a/2)"},
		"a stranger":      {[][]event.Event{{sent("a", 1), sent("a", 2), sent("a", 3), sent("b", 1)}}, "1 are there that nobody sent (b/1)"},
		"another order":   {[][]event.Event{{sent("a", 2), sent("a", 1)}, {sent("a", 3)}}, "a/1 comes after a/2"},
		"another byte":    {[][]event.Event{{sent("a", 1), spoilt, sent("a", 3)}}, "a/2 is stored as"},
		"a key in two":    {[][]event.Event{{sent("a", 1), sent("a", 2), sent("a", 3), sent("a", 4)}, {sent("b", 4)}}, "events of key-4 are in partitions 0 and 1"},
		"a foreign event": {[][]event.Event{{sent("a", 1), sent("a", 2), sent("a", 3), {ID: "x"}}}, `"x" is no sender's`},
	} {
		j := &judge{TB: t}
		Stored{Partitions: c.stored, t: j}.Exactly(ids)
		all := strings.Join(j.complaints, "\n")
		if c.says == "" && all != "" || !strings.Contains(all, c.says) {
			t.Errorf("%s: the oracle says %q, want %q", name, all, c.says)
		}
	}
}

// The order of a session is kept only where all of it is in one partition.
func TestOracleSeesScatteredSessions(t *testing.T) {
	ids := []string{ID("a", 1), ID("a", 2), ID("a", 4)}
	for says, stored := range map[string][][]event.Event{
		"":                                      {{sent("a", 1), sent("a", 2)}, {sent("a", 4)}},
		"events of a are in partitions 0 and 1": {{sent("a", 1), sent("a", 4)}, {sent("a", 2)}},
	} {
		j := &judge{TB: t}
		Stored{Partitions: stored, t: j}.OfSessions(ids)
		if all := strings.Join(j.complaints, "\n"); all != says {
			t.Errorf("the oracle says %q, want %q", all, says)
		}
	}
}

func TestSameCountsSees(t *testing.T) {
	for name, c := range map[string]struct {
		got  []string
		says string
	}{
		"nothing":  {[]string{"b", "a", "a"}, ""},
		"too few":  {[]string{"a", "b"}, `+1 of "a"`},
		"too many": {[]string{"a", "a", "b", "b"}, `-1 of "b"`},
	} {
		j := &judge{TB: t}
		SameCounts(j, []string{"a", "a", "b"}, c.got)
		all := strings.Join(j.complaints, "\n")
		if c.says == "" && all != "" || !strings.Contains(all, c.says) {
			t.Errorf("%s: it says %q, want %q", name, all, c.says)
		}
	}
}

func TestIDsAreRead(t *testing.T) {
	for _, sender := range []string{"a", "a/b", "around 2 MB"} {
		if got, n, ok := parseID(ID(sender, 17)); got != sender || n != 17 || !ok {
			t.Errorf("%s: %q %d %v", ID(sender, 17), got, n, ok)
		}
	}
	for _, id := range []string{"", "019a", "a/", "a/x"} {
		if _, _, ok := parseID(id); ok {
			t.Errorf("%q was read as a sender's id", id)
		}
	}
}
