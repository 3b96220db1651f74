package gateway

import (
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
)

// promised takes what acknowledgements survive now, and logs each change. While Redis gives less than was asked for,
// nothing is taken: the lanes hold what they have, and who took more would only fill the buffer. It says whether
// acknowledgements survive less than they did.
func (g *Gateway) promised(p stream.Promise) (fell bool) {
	before := g.facts.Load()
	if p.Below {
		g.gate.set(byDurability, event.Refuse(codeUnavailable, "Redis does not give the durability that was asked for: "+p.Why))
	} else {
		g.gate.set(byDurability, nil)
	}
	switch {
	case p.Below && !before.below:
		g.log.Error("Redis no longer gives the durability that was asked for; events are held back", "durability", p.Level, "reason", p.Why)
	case !p.Below && before.below:
		g.log.Info("Redis gives the durability that was asked for again", "durability", p.Level)
	case p.Level != before.durability && before.looked:
		g.log.Warn("the durability of acknowledgements has changed", "from", before.durability, "to", p.Level)
		return stream.Weaker(p.Level, before.durability)
	}
	return false
}

// outdated ends a connection whose hello said more than is true now.
func (g *Gateway) outdated(c *connection, said *facts) {
	if stream.Weaker(g.facts.Load().durability, said.durability) {
		c.dismiss(&weaker)
	}
}

// lost adds up the events that Redis no longer knew when it was appended to again.
func (g *Gateway) lost() (events uint64) {
	for _, a := range g.appenders {
		events += a.Lost()
	}
	return events
}
