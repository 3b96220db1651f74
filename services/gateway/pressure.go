package gateway

import (
	"context"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/survey"
	"millrace.dev/services/gateway/limit"
)

// guard looks once a second how far the stream is behind, and slows or stops intake by it, until ctx ends. While Redis
// is away nothing new is known, and what was found last holds: nothing can be stored anyway.
func (g *Gateway) guard(ctx context.Context) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	came, blind := newFlow(g.metrics.accepted.Load()), false
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		rate := came.next(g.metrics.accepted.Load())
		look, cancel := context.WithTimeout(ctx, time.Second)
		p, err := survey.Press(look, g.stream)
		cancel()
		if (err != nil) != blind {
			blind = err != nil
			g.log.Warn("how far the stream is behind", "known", !blind, "error", err)
		}
		if err == nil {
			g.yield(limit.Pressure{Lag: p.Lag, Memory: p.Memory()}, rate)
		}
	}
}

// yield gives way to pressure.
func (g *Gateway) yield(p limit.Pressure, came float64) {
	a := g.admission.Load().Next(p, g.config.Marks, came)
	before := g.admission.Swap(&a)
	if before.Level != a.Level {
		g.log.Warn("the stream's pressure changes what is taken", "level", a.Level.String(), "because", a.Cause)
	}
	switch a.Level {
	case limit.Stopped:
		g.gate.set(byAdmission, event.Refuse(codeOverloaded, "the stream is too far behind: "+a.Cause+"."))
		return
	case limit.Slowed:
		g.gate.setPace(time.Now(), a.PerSecond)
	default:
		g.gate.setPace(time.Now(), 0)
	}
	g.gate.set(byAdmission, nil)
}

// flow is a rate over the last seconds, from a total that is read once a second.
type flow struct {
	totals [flowSeconds + 1]uint64
	seen   int
}

const flowSeconds = 5

func newFlow(total uint64) *flow {
	f := &flow{}
	f.next(total)
	return f
}

// next takes the total of another second and returns the rate.
func (f *flow) next(total uint64) (perSecond float64) {
	copy(f.totals[1:], f.totals[:])
	f.totals[0] = total
	back := min(f.seen, flowSeconds)
	f.seen++
	if back == 0 {
		return 0
	}
	return float64(total-f.totals[back]) / float64(back)
}
