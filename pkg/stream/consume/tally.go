package consume

import "millrace.dev/pkg/stream/state"

// tally sums what the events of an entry add to the state. Most entries have few keys, and neighbours often the same:
// up to scanned keys it compares, beyond it looks up.
type tally struct {
	sums  []state.Add
	last  int
	index map[string]int
}

const scanned = 16

func (t *tally) reset() {
	clear(t.sums)
	clear(t.index)
	t.sums, t.last = t.sums[:0], 0
}

func (t *tally) add(a state.Add) {
	i := t.find(a.Key)
	if i < 0 {
		i = len(t.sums)
		t.sums = append(t.sums, state.Add{Key: a.Key})
		t.note(i)
	}
	t.sums[i].Count += a.Count
	t.last = i
}

// find returns the place of key, or -1.
func (t *tally) find(key string) int {
	if t.last < len(t.sums) && t.sums[t.last].Key == key {
		return t.last
	}
	if len(t.sums) > scanned {
		if i, ok := t.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range t.sums {
		if t.sums[i].Key == key {
			return i
		}
	}
	return -1
}

// note enters the key at place i into the index, and at its beginning those before it.
func (t *tally) note(i int) {
	if i < scanned {
		return
	}
	if t.index == nil {
		t.index = make(map[string]int)
	}
	from := i
	if i == scanned {
		from = 0
	}
	for ; from <= i; from++ {
		t.index[t.sums[from].Key] = from
	}
}
