package limit

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var marks = Marks{SlowLag: 10 * time.Minute, StopLag: time.Hour, SlowMemory: 70, StopMemory: 90}

func TestAdmission(t *testing.T) {
	steps := []struct {
		lag    time.Duration
		memory float64
		level  Level
		least  float64 // of PerSecond
		most   float64
		cause  string
	}{
		{0, 0, Flowing, 0, 0, ""},
		{9 * time.Minute, 69, Flowing, 0, 0, ""},
		{10 * time.Minute, 0, Slowed, 1000, 1000, "10m0s old"},
		{35 * time.Minute, 75, Slowed, 499, 501, "35m0s old"},
		{0, 85, Slowed, 249, 251, "85 %"},
		{0, 90, Stopped, 10, 10, "90 %"},
		{0, 81, Stopped, 0, 1000, "81 %"}, // not before half-way
		{0, 79, Slowed, 549, 551, "79 %"},
		{0, 69, Slowed, 1099, 1101, "69 %"}, // not before well below, but ever faster
		{0, 66, Slowed, 1209, 1211, "66 %"},
		{0, 62, Flowing, 0, 0, ""},
		{0, 69, Flowing, 0, 0, ""},
		{2 * time.Hour, 0, Stopped, 10, 10, "2h0m0s old"},
		{0, 0, Flowing, 0, 0, ""},
	}
	var a Admission
	for i, s := range steps {
		a = a.Next(Pressure{s.lag, s.memory}, marks, 1000)
		if a.Level != s.level || a.PerSecond < s.least || a.PerSecond > s.most || !strings.Contains(a.Cause, s.cause) || (s.cause == "") != (a.Cause == "") {
			t.Errorf("step %d: %+v", i, a)
		}
	}
}

// Pressure that stays on one side of a mark by less than the hysteresis never makes intake flutter.
func TestAdmissionDoesNotFlutter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, mark := range []float64{marks.SlowMemory, marks.StopMemory} {
		var a Admission
		changes := 0
		for range 1000 {
			before := a.Level
			a = a.Next(Pressure{Memory: mark + 4*r.Float64() - 2}, marks, 10)
			if a.Level != before {
				changes++
			}
		}
		if changes > 2 {
			t.Errorf("around %v %%: %d changes", mark, changes)
		}
	}
}

// Intake that stood still when it was slowed can go on.
func TestAdmissionFromNothing(t *testing.T) {
	a := Admission{}.Next(Pressure{Memory: 71}, marks, 0)
	if a.Level != Slowed || a.PerSecond < leastBase/2 {
		t.Errorf("%+v", a)
	}
}

func TestMarksCheck(t *testing.T) {
	if faults := marks.Check(); len(faults) != 0 {
		t.Errorf("%v", faults)
	}
	bad := Marks{SlowLag: time.Hour, StopLag: time.Hour, SlowMemory: 0, StopMemory: 101}
	if faults := bad.Check(); len(faults) != 2 {
		t.Errorf("%v", faults)
	}
}
