package doctor

import "fmt"

const (
	statsAwayID   = "MR-STATS-001"
	gatewayAwayID = "MR-GATEWAY-001"
)

// reachRules say that a service of ours is away.
func reachRules() []Rule {
	return []Rule{{
		ID:    gatewayAwayID,
		Title: "No gateway can be reached",
		Loss:  Delayed,
		Needs: []Part{ProbePart(ProbeGateway)},
		Check: gatewayAway,
		Clear: func(s *Snapshot, _ Limits) string {
			return "A gateway answers at " + s.Probes[ProbeGateway].Target + "."
		},
		Remedy: "docker compose up -d gateway   # or bin/gateway; without containers: bin/millrace up",
	}, {
		ID:     statsAwayID,
		Title:  "The stats service can't be reached",
		Loss:   Nothing,
		Needs:  []Part{ProbePart(ProbeStats)},
		Check:  statsAway,
		Clear:  func(s *Snapshot, _ Limits) string { return "Stats answers at " + s.Probes[ProbeStats].Target + "." },
		Remedy: "docker compose up -d stats   # or bin/stats; if it runs somewhere else, say so with --stats-addr",
	}}
}

func gatewayAway(s *Snapshot, _ Limits) []Finding {
	p := s.Probes[ProbeGateway]
	if p.Fault == "" {
		return nil
	}
	return []Finding{{
		Status:   Crit,
		Title:    deniedTitle(p.Fault, "The gateway"),
		Remedy:   deniedRemedy(p.Fault),
		Symptom:  fmt.Sprintf("The gateway at %s %s: no event can be sent.", p.Target, p.Fault.phrase()),
		Cause:    reachCause(p.Fault, "gateway"),
		Evidence: p.facts(),
	}}
}

func statsAway(s *Snapshot, _ Limits) []Finding {
	p := s.Probes[ProbeStats]
	if p.Fault == "" {
		return nil
	}
	return []Finding{{
		Status:   Warn,
		Title:    deniedTitle(p.Fault, "Stats"),
		Remedy:   deniedRemedy(p.Fault),
		Symptom:  fmt.Sprintf("Stats at %s %s: figures are missing or old. Events are taken, stored and processed without it.", p.Target, p.Fault.phrase()),
		Cause:    reachCause(p.Fault, "stats service"),
		Evidence: p.facts(),
	}}
}

// deniedTitle is what is wrong where something answers and refuses us; empty where it does not.
func deniedTitle(f Fault, what string) string {
	if f != FaultDenied {
		return ""
	}
	return what + " " + f.phrase()
}

// deniedRemedy is for what runs already: to start it again would not help.
func deniedRemedy(f Fault) string {
	if f != FaultDenied {
		return ""
	}
	return "millrace doctor --key KEY   # or MILLRACE_KEY: a key with the scope read (/debug needs admin too); between " +
		"services: the same --internal-key on both sides"
}

func reachCause(f Fault, what string) string {
	switch f {
	case FaultRefused:
		return "Nothing listens there: the " + what + " is not running, or listens somewhere else."
	case FaultTimeout:
		return "The " + what + " is stopped or overloaded, or a firewall or proxy swallows what is sent to it."
	case FaultName:
		return "The name has no address: it is misspelt, or its container is not running."
	case FaultDenied:
		return "Something answers there and refuses us: no key is shown, or one that is wrong or lacks the scope, or it is not the " + what + "."
	}
	return "Something answers there as the " + what + " would not; the error says how."
}

// phrase is what a probe that failed saw, after "Redis at host:port …".
func (f Fault) phrase() string {
	switch f {
	case FaultRefused:
		return "refuses connections"
	case FaultTimeout:
		return "does not answer in time"
	case FaultName:
		return "has no address"
	case FaultDenied:
		return "denies access"
	case FaultLoading:
		return "is still loading its data"
	case FaultFull:
		return "is full"
	case FaultReadOnly:
		return "takes no writes"
	}
	return "can't be talked to"
}

func (p Probe) facts() []Fact { return []Fact{{"address", p.Target}, {"error", p.Error}} }
