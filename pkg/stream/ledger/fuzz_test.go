package ledger

import (
	"math"
	"testing"
)

// An id that is read means what it says, and is written so that it is read as the same.
func FuzzParseEntryID(f *testing.F) {
	for _, id := range []string{"0-0", "1700000000000-1025", "5", "-", "5-", "a-5", "5-5-5", "+5-5", "18446744073709551615-18446744073709551615", "01-02"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		e, err := ParseEntryID(id)
		if err != nil {
			if e != (EntryID{}) {
				t.Fatalf("%q is refused as %+v", id, e)
			}
			return
		}
		if again, err := ParseEntryID(e.String()); err != nil || again != e {
			t.Fatalf("%q is read as %+v, written as %s, and read as %+v (%v)", id, e, e, again, err)
		}
		if e.Events >= perEntry || e.Before > math.MaxUint64/perEntry || e.After() < e.Before {
			t.Fatalf("%q is %+v", id, e)
		}
	})
}
