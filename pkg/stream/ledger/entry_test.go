package ledger

import (
	"math/rand/v2"
	"testing"
)

func TestEntryIDsAreReadAsTheyAreWritten(t *testing.T) {
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 1))
		id := EntryID{
			Milliseconds: random.Uint64N(1 << 42),
			Before:       random.Uint64N(1<<53) >> random.IntN(53),
			Events:       1 + random.Uint64N(mostInEntry),
		}
		got, err := ParseEntryID(id.String())
		if err != nil || got != id {
			t.Fatalf("%+v is written %s and read %+v (%v)", id, id, got, err)
		}
		if got.After() != id.Before+id.Events {
			t.Errorf("after %+v are %d", id, got.After())
		}
	}
}

func TestParseEntryID(t *testing.T) {
	for _, c := range []struct {
		text string
		want EntryID
		ok   bool
	}{
		{"0-0", EntryID{}, true},
		{"1700000000000-5", EntryID{Milliseconds: 1700000000000, Events: 5}, true},
		{"1700000000000-1025", EntryID{Milliseconds: 1700000000000, Before: 1, Events: 1}, true},
		{"1700000000000-99999999999999999", EntryID{Milliseconds: 1700000000000, Before: 97656249999999, Events: 1023}, true},
		{text: ""}, {text: "5"}, {text: "-"}, {text: "5-"}, {text: "-5"}, {text: "a-5"}, {text: "5-x"}, {text: "1e+14-5"}, {text: "5-5-5"},
	} {
		got, err := ParseEntryID(c.text)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("%q is %+v (%v)", c.text, got, err)
		}
	}
}
