package gateway

import (
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/control"
)

// obey does what operators say: pause, and limits.
func (g *Gateway) obey(state control.State) {
	g.limit(state.Limits)
	if state.Pause == nil {
		g.gate.set(byOperator, nil)
		return
	}
	why := "an operator paused intake" // who is the operators' affair; why, the clients' too
	if state.Pause.Why != "" {
		why += ": " + state.Pause.Why
	}
	g.gate.set(byOperator, event.Refuse(event.CodePaused, why))
}

// limit makes the limits hold that operators set at run time, and the flags for the rest. Whoever waits for a limit
// looks again.
func (g *Gateway) limit(set map[control.Limit]float64) {
	g.meters.Set(time.Now(), g.config.Rates.Under(set))
	g.gate.again()
}
