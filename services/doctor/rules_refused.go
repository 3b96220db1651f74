package doctor

import (
	"fmt"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
)

const (
	overLimitID = "MR-LIMIT-001"
	faultyID    = "MR-REJECT-001"
	noEntryID   = "MR-ACCESS-001"
)

// Limits of refusals.
const (
	overLimitMost = "limit_hit"
	faultyMost    = "reject_rate"
	faultyPart    = "reject_part"
	noEntryMost   = "access_refused"
)

// whoIsRefused shows the latest refusals of one gateway, with who sent what.
const whoIsRefused = "curl -s http://127.0.0.1:8000/debug/rejects"

// limitRules are about clients that send too much.
func limitRules() []Rule {
	return []Rule{{
		ID:         overLimitID,
		Title:      "Clients are over their limits",
		Loss:       Delayed,
		Needs:      []Part{PartRefusals},
		After:      []string{statsAwayID},
		Neighbours: []string{behindID},
		Limits:     []Limit{{overLimitMost, "/s", 1, 0.1}},
		Check:      overLimit,
		Clear: func(s *Snapshot, _ Limits) string {
			return "Clients are within their limits: " + rate(totalRefusals(s.Refusals).Rejected[event.CodeRateLimited]) + " are refused."
		},
		Remedy: whoIsRefused + "   # who it is; `millrace limit` shows the limits and sets them",
	}}
}

func overLimit(s *Snapshot, l Limits) []Finding {
	t := totalRefusals(s.Refusals)
	refused, held := t.Rejected[event.CodeRateLimited], t.Held[event.CodeRateLimited]
	would := t.DryRun[event.CodeRateLimited] + t.DryRun[event.CodeOverloaded]
	if refused+held <= l[overLimitMost] && would <= l[overLimitMost] {
		return nil
	}
	f := Finding{
		Status:  Warn,
		Symptom: fmt.Sprintf("Limits refuse %s and hold back frames at %s; %s are stored.", rate(refused), rate(held), rate(t.AcceptedPerSecond)),
		Cause:   "Clients send more than their limit lets in. Anonymous ones are refused until they are slower (rate_limited); named sessions are told to wait.",
		Evidence: []Fact{
			{"refused", rate(refused)},
			{"frames held back", rate(held)},
			{"a dry run would refuse", rate(would)},
			{"stored", rate(t.AcceptedPerSecond)},
		},
	}
	if refused+held <= l[overLimitMost] {
		f.Title, f.Loss = "Clients would be over their limits", Nothing
		f.Symptom = fmt.Sprintf("Limits would refuse %s of %s; --limit-dry-run lets them pass.", rate(would), rate(t.AcceptedPerSecond))
		f.Cause = "Clients send more than their limit, which only counts for now."
	}
	return []Finding{f}
}

// rejectRules are about events that are none.
func rejectRules() []Rule {
	return []Rule{{
		ID:         faultyID,
		Title:      "Many events are invalid",
		Loss:       Nothing,
		Needs:      []Part{PartRefusals},
		After:      []string{statsAwayID},
		Neighbours: []string{noEntryID},
		Limits:     []Limit{{faultyMost, "/s", 1, 0.1}, {faultyPart, "%", 1, 0.1}},
		Check:      faulty,
		Clear: func(s *Snapshot, _ Limits) string {
			total, _ := sumOf(totalRefusals(s.Refusals).Rejected, faultyEvents)
			return "Few events are invalid: " + rate(total) + "."
		},
		Remedy: whoIsRefused + "   # who sends them, what is wrong, and the first 100 bytes",
	}}
}

// faulty is raised by many that are also a good part of what comes: one broken client among busy ones is its own
// affair.
func faulty(s *Snapshot, l Limits) []Finding {
	t := totalRefusals(s.Refusals)
	total, most := sumOf(t.Rejected, faultyEvents)
	part := percent(total, total+t.AcceptedPerSecond)
	if total <= l[faultyMost] || part <= l[faultyPart] {
		return nil
	}
	return []Finding{{
		Status:   Warn,
		Symptom:  fmt.Sprintf("%s are refused as invalid, %.0f %% of what comes.", rate(total), part),
		Cause:    faultyCause(most) + " Each sender is told; nothing is stored of these.",
		Evidence: append(byReason(t.Rejected, faultyEvents), Fact{"stored", rate(t.AcceptedPerSecond)}),
	}}
}

func faultyCause(reason string) string {
	switch reason {
	case event.CodeInvalidJSON:
		return "Most can't be decoded at all: a client sends something else than JSON, cuts it off, or names the wrong content type."
	case event.CodeTooLarge:
		return "Most are longer than --max-event-bytes or --max-frame-bytes."
	case event.CodeTooManyEvents:
		return "Most come in arrays of more than --max-batch events."
	}
	return "Most have an attribute that is missing or wrong, which the error names: a client was changed, or never tried."
}

// accessRules are about requests that are not let in.
func accessRules() []Rule {
	return []Rule{{
		ID:         noEntryID,
		Title:      "Requests are not let in",
		Loss:       Delayed,
		Needs:      []Part{PartRefusals},
		After:      []string{statsAwayID},
		Neighbours: []string{overLimitID},
		Limits:     []Limit{{noEntryMost, "/s", 1, 0.1}},
		Check:      notLetIn,
		Clear: func(s *Snapshot, _ Limits) string {
			total, _ := sumOf(totalRefusals(s.Refusals).Rejected, noEntry)
			return "Requests are let in: " + rate(total) + " are refused for want of a key, a scope, a host or an origin."
		},
		Remedy: whoIsRefused,
	}}
}

func notLetIn(s *Snapshot, l Limits) []Finding {
	t := totalRefusals(s.Refusals)
	total, most := sumOf(t.Rejected, noEntry)
	if total <= l[noEntryMost] {
		return nil
	}
	cause, remedy := noEntryCause(most)
	return []Finding{{
		Status:   Warn,
		Symptom:  fmt.Sprintf("%s requests are not let in, most of them as %s.", rate(total), most),
		Cause:    cause,
		Evidence: byReason(t.Rejected, noEntry),
		Remedy:   remedy + "; " + whoIsRefused,
	}}
}

// noEntryCause is the usual cause of a reason, and what helps if the request should have been let in.
func noEntryCause(reason string) (cause, remedy string) {
	switch reason {
	case access.CodeForbidden:
		return "The key is valid and lacks the scope that the request needs; or there is no key yet and the request is from another machine.",
			"millrace keys list   # the scopes; then millrace keys create, or start with --allow-anonymous"
	case access.CodeMisdirected:
		return "The request names a host that is not this server's: a name that was not told to it, or a page that rebinds DNS.",
			"bin/gateway --hosts=NAME   # if the name is yours; or show a key"
	case access.CodeCrossOrigin:
		return "A page of another origin wants to send: yours under an origin that was not told to the gateway, or somebody else's.",
			"bin/gateway --cors-origins=https://NAME   # if the page is yours"
	}
	return "A key is missing or wrong, or was revoked while its client still shows it; or somebody tries keys.",
		"millrace keys list   # is it revoked? then millrace keys create"
}
