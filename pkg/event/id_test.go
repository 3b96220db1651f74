package event

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var uuid7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestIDsAreUUIDv7OfTheirTime(t *testing.T) {
	g := NewIDs()
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	id := string(g.Append([]byte("x"), now))[1:]
	if !uuid7.MatchString(id) {
		t.Fatalf("%s is no UUIDv7", id)
	}
	ms, err := strconv.ParseInt(strings.ReplaceAll(id, "-", "")[:12], 16, 64)
	if err != nil || ms != now.UnixMilli() {
		t.Errorf("%s tells %d (%v), want %d", id, ms, err, now.UnixMilli())
	}
}

// Clocks stand still, go on and go back.
func TestIDsGrow(t *testing.T) {
	g := NewIDs()
	now := time.UnixMilli(1_700_000_000_000)
	last := ""
	for i := range 100_000 {
		switch {
		case i%1000 == 0:
			now = now.Add(time.Millisecond)
		case i%3500 == 0:
			now = now.Add(-3 * time.Millisecond)
		}
		id := string(g.Append(nil, now))
		if id <= last {
			t.Fatalf("id %d: %s does not sort after %s", i, id, last)
		}
		last = id
	}
}

func TestIDsOfManyGeneratorsDiffer(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	seen := make(map[string]bool)
	for range 200 {
		g := NewIDs()
		for range 100 {
			seen[string(g.Append(nil, now))] = true
		}
	}
	if len(seen) != 200*100 {
		t.Errorf("%d ids differ, of %d", len(seen), 200*100)
	}
}

func TestIDsRunAheadWhenTheBitsAreUsedUp(t *testing.T) {
	g := NewIDs()
	now := time.UnixMilli(1_700_000_000_000)
	g.Append(nil, now)
	g.high, g.low = highMask, lowMask
	last := g.bytes()
	before := string(appendUUID(nil, &last))
	after := string(g.Append(nil, now))
	if after <= before || !uuid7.MatchString(after) || g.millis != now.UnixMilli()+1 {
		t.Errorf("after %s comes %s, at %d", before, after, g.millis)
	}
}

func TestStepCarries(t *testing.T) {
	g := NewIDs()
	now := time.UnixMilli(1_700_000_000_000)
	g.Append(nil, now)
	g.high, g.low = 5, lowMask
	g.Append(nil, now)
	if g.high != 6 || g.millis != now.UnixMilli() {
		t.Errorf("high is %d, want 6; millis %d", g.high, g.millis)
	}
}
