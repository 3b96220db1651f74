package ledger

import "testing"

func TestMemory(t *testing.T) {
	var m Memory
	for i, c := range []struct {
		partition int
		epoch     string
		accepted  uint64
		lost      uint64
	}{
		{0, "a", 100, 0}, // the first sight
		{0, "a", 100, 0},
		{0, "a", 150, 0},
		{1, "b", 10, 0}, // another partition
		{0, "a", 120, 30},
		{0, "a", 120, 0}, // once
		{0, "a", 130, 0},
		{1, "b", 10, 0},
		{0, "", 0, 130}, // flushed, and not laid out yet
		{0, "c", 0, 0},
		{0, "c", 5, 0},
		{0, "d", 7, 5}, // more than before, and in another life
		{1, "b", 0, 10},
	} {
		if lost := m.Saw(c.partition, c.epoch, c.accepted); lost != c.lost {
			t.Errorf("sight %d: %d lost, want %d", i, lost, c.lost)
		}
	}
}
