package gateway

import "millrace.dev/pkg/stream"

// underDurable says that Redis does not give, for now, the durability that was asked for. Nothing is stored meanwhile:
// the lanes hold what they have, and who takes more only fills the buffer.
func (g *Gateway) underDurable() bool { return g.facts.Load().below }

// promised logs each change of what acknowledgements survive.
func (g *Gateway) promised(p stream.Promise) {
	before := g.facts.Load()
	switch {
	case p.Below && !before.below:
		g.log.Error("Redis no longer gives the durability that was asked for; events are held back", "durability", p.Level, "reason", p.Why)
	case !p.Below && before.below:
		g.log.Info("Redis gives the durability that was asked for again", "durability", p.Level)
	case p.Level != before.durability && before.looked:
		g.log.Warn("the durability of acknowledgements has changed", "from", before.durability, "to", p.Level)
	}
}

// lost adds up the events that Redis no longer knew when it was appended to again.
func (g *Gateway) lost() (events uint64) {
	for _, a := range g.appenders {
		events += a.Lost()
	}
	return events
}
