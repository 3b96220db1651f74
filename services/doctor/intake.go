package doctor

import (
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/control"
)

// Refusals is what one gateway turned away or held back, a second over the last 5 s. The keys are the codes that
// clients get.
type Refusals struct {
	Instance string `json:"instance"`
	// AcceptedPerSecond are events stored: what refusals are a part of.
	AcceptedPerSecond float64 `json:"accepted_per_second"`
	// DroppedPerSecond are events that a full buffer dropped, for newer ones.
	DroppedPerSecond float64 `json:"dropped_per_second"`
	// Rejected are events, and requests, that were refused.
	Rejected map[string]float64 `json:"rejected,omitempty"`
	// Held are frames that a named session had to wait with, and was told.
	Held map[string]float64 `json:"held,omitempty"`
	// DryRun are events that a limit which only counts would have refused.
	DryRun map[string]float64 `json:"dry_run,omitempty"`
}

// Gate is what keeps events out of a gateway, whoever sends them.
type Gate struct {
	Instance string `json:"instance"`
	// Reason is who shut it: one of the constants below.
	Reason string `json:"reason"`
	// Level: 0 it is open, 1 events are slowed, 2 none is taken.
	Level int `json:"level"`
}

// The reasons of gates.
const (
	// GateOperator: an operator paused intake.
	GateOperator = "operator"
	// GateDurability: Redis does not give the durability that was asked for.
	GateDurability = "durability"
	// GateAdmission: the stream is behind.
	GateAdmission = "admission"
)

// Levels of gates.
const (
	gateSlowed  = 1
	gateStopped = 2
)

// Control is what operators have said, as far as a rule may need it: no key and no name of one is in it.
type Control struct {
	// Pause is set while intake is paused: who, when, and why.
	Pause *control.Change `json:"pause,omitempty"`
	// Limits that were set at run time.
	Limits map[control.Limit]float64 `json:"limits,omitempty"`
	// Keys is how many are valid.
	Keys int `json:"keys"`
	// Lost: Redis came back without some of this, and what is here is what is remembered.
	Lost bool `json:"lost"`
}

// Reasons for which somebody is turned away, by the rule that is about them.
var (
	faultyEvents = []string{event.CodeInvalidJSON, event.CodeInvalidEvent, event.CodeTooLarge, event.CodeTooManyEvents}
	noEntry      = []string{access.CodeUnauthorized, access.CodeForbidden, access.CodeMisdirected, access.CodeCrossOrigin}
	noRoom       = []string{event.CodeOverloaded, event.CodeUnavailable}
)

// totalRefusals adds up all gateways.
func totalRefusals(all []Refusals) Refusals {
	t := Refusals{Rejected: map[string]float64{}, Held: map[string]float64{}, DryRun: map[string]float64{}}
	for _, r := range all {
		t.AcceptedPerSecond += r.AcceptedPerSecond
		t.DroppedPerSecond += r.DroppedPerSecond
		add(t.Rejected, r.Rejected)
		add(t.Held, r.Held)
		add(t.DryRun, r.DryRun)
	}
	return t
}

func add(to, rates map[string]float64) {
	for reason, n := range rates {
		to[reason] += n
	}
}

// sumOf adds up the rates of some reasons, and says which is the most frequent.
func sumOf(rates map[string]float64, reasons []string) (total float64, most string) {
	for _, reason := range reasons {
		total += rates[reason]
		if rates[reason] > rates[most] {
			most = reason
		}
	}
	return total, most
}

// byReason is a fact for each of the reasons that occurs.
func byReason(rates map[string]float64, reasons []string) []Fact {
	var facts []Fact
	for _, reason := range reasons {
		if rates[reason] > 0 {
			facts = append(facts, Fact{reason, rate(rates[reason])})
		}
	}
	return facts
}

// gatesAt are the gateways whose gate is at least that much shut for a reason.
func gatesAt(s *Snapshot, reason string, level int) []Gate {
	var found []Gate
	for _, g := range s.Gates {
		if g.Reason == reason && g.Level >= level {
			found = append(found, g)
		}
	}
	return found
}

// ago is how long before the snapshot something was.
func (s *Snapshot) ago(t time.Time) time.Duration { return max(0, s.Taken.Sub(t)).Round(time.Second) }
