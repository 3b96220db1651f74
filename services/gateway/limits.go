package gateway

import (
	"time"

	"millrace.dev/pkg/stream/control"
)

// limit makes the limits hold that operators set at run time, and the flags for the rest. Whoever waits for a limit
// looks again.
func (g *Gateway) limit(set map[control.Limit]float64) {
	g.meters.Set(time.Now(), g.config.Rates.Under(set))
	g.gate.again()
}
