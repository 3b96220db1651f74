package limit

import (
	"fmt"
	"time"
)

// Marks say when a stream that is behind makes intake slower, and when it ends it.
type Marks struct {
	SlowLag    time.Duration `name:"slow-lag" default:"10m" help:"Age of the oldest event that is not processed from which on intake is slowed, the more the nearer it comes to --stop-lag."`
	StopLag    time.Duration `name:"stop-lag" default:"1h" help:"Age of the oldest event that is not processed from which on nothing is taken."`
	SlowMemory float64       `name:"slow-memory" default:"75" help:"Percent of Redis's maxmemory from which on intake is slowed."`
	StopMemory float64       `name:"stop-memory" default:"90" help:"Percent of Redis's maxmemory from which on nothing is taken."`
}

// Check returns a fault for each pair of marks that is not one.
func (m Marks) Check() []error {
	var faults []error
	if m.SlowLag <= 0 || m.StopLag <= m.SlowLag {
		faults = append(faults, fmt.Errorf("--stop-lag: %v is not more than --slow-lag=%v, or that is not positive", m.StopLag, m.SlowLag))
	}
	if m.SlowMemory <= 0 || m.StopMemory <= m.SlowMemory || m.StopMemory > 100 {
		faults = append(faults, fmt.Errorf("--stop-memory: %v is not between --slow-memory=%v and 100, or that is not positive", m.StopMemory, m.SlowMemory))
	}
	return faults
}

// Pressure is how far the stream is behind. What is not known is 0.
type Pressure struct {
	// Lag is the age of the oldest event that some pipeline has not processed.
	Lag time.Duration
	// Memory is how much of its memory Redis uses, in percent.
	Memory float64
}

// Level is how much is taken.
type Level int

// The levels. Flowing: all of it.
const (
	Flowing Level = iota
	Slowed
	Stopped
)

// String names the level.
func (l Level) String() string { return [...]string{"flowing", "slowed", "stopped"}[l] }

// Hysteresis: intake that has stopped begins again half-way from the stop mark down to the slow mark, and intake that is
// slowed flows again a tenth below the slow mark. Without it intake would flutter at a mark.
const (
	beginAgain = 0.5
	flowAgain  = 0.9
)

// Admission is intake's answer to pressure. The zero value lets everything in.
type Admission struct {
	Level Level
	// PerSecond is how many events are taken a second while Slowed: from what came when that began down to none.
	PerSecond float64
	// Cause is what passed its mark, with both numbers; empty while Flowing.
	Cause string
	// base is how many events came a second when slowing began.
	base float64
}

const (
	// leastBase is what intake is slowed from at least: one that stood still when it was slowed, or has just been
	// started, must be able to go on.
	leastBase = 1000
	// growth is by how much more is let in each second that the stream is below its slow marks, but not yet well below:
	// what keeps it there may be what it always holds.
	growth = 1.1
)

// Next is the admission after a look at the stream; came is how many events came a second lately.
func (a Admission) Next(p Pressure, m Marks, came float64) Admission {
	way, cause := m.way(p)
	level := a.Level.next(way, m.relaxed(p))
	if level == Flowing {
		return Admission{}
	}
	if a.Level == Flowing {
		a.base = max(came, leastBase)
	}
	if way < 0 {
		a.base *= growth
	}
	a.Level, a.Cause = level, cause
	a.PerSecond = a.base * min(1, max(0.01, 1-way))
	return a
}

// next is the level for a place on the way from the slow mark (0) to the stop mark (1).
func (l Level) next(way float64, relaxed bool) Level {
	switch {
	case way >= 1, l == Stopped && way >= beginAgain:
		return Stopped
	case way >= 0, l != Flowing && !relaxed:
		return Slowed
	}
	return Flowing
}

// relaxed says that both are well below their slow marks.
func (m Marks) relaxed(p Pressure) bool {
	return float64(p.Lag) < flowAgain*float64(m.SlowLag) && p.Memory < flowAgain*m.SlowMemory
}

// way is how far the worst of both is from its slow mark to its stop mark, and what that is.
func (m Marks) way(p Pressure) (way float64, cause string) {
	lag := float64(p.Lag-m.SlowLag) / float64(m.StopLag-m.SlowLag)
	memory := (p.Memory - m.SlowMemory) / (m.StopMemory - m.SlowMemory)
	if memory >= lag {
		return memory, fmt.Sprintf("Redis uses %.0f %% of its memory (slow from %.0f %%, stop from %.0f %%)", p.Memory, m.SlowMemory, m.StopMemory)
	}
	return lag, fmt.Sprintf("the oldest event that is not processed is %v old (slow from %v, stop from %v)", p.Lag.Round(time.Second), m.SlowLag, m.StopLag)
}
