package doctor

import (
	"fmt"

	"millrace.dev/pkg/event"
)

const (
	dropsID  = "MR-BUFFER-002"
	noRoomID = "MR-BUFFER-003"
)

// Limits of what a gateway has no room for.
const (
	dropsMost  = "buffer_dropped"
	noRoomMost = "buffer_rejected"
)

// roomRules say what becomes of events that a gateway has no room for, where its clients are not just held back.
func roomRules() []Rule {
	return []Rule{{
		ID:         dropsID,
		Title:      "Events are dropped",
		Loss:       Delayed,
		Needs:      []Part{PartRefusals},
		After:      []string{redisAwayID, statsAwayID, undurableID},
		Neighbours: []string{redisAwayID, behindID},
		Limits:     []Limit{{dropsMost, "/s", 0.1, 0.01}},
		Check:      drops,
		Clear:      func(*Snapshot, Limits) string { return "No gateway drops events." },
		Remedy:     "millrace stats   # compare the rates; then --buffer-policy=block on the gateway, docker compose up -d --scale gateway=2, or send less",
	}, {
		ID:         noRoomID,
		Title:      "A gateway refuses what it has no room for",
		Loss:       Delayed,
		Needs:      []Part{PartRefusals},
		After:      []string{redisAwayID, statsAwayID, behindID, undurableID},
		Neighbours: []string{redisAwayID, behindID},
		Limits:     []Limit{{noRoomMost, "/s", 1, 0.1}},
		Check:      refusesForRoom,
		Clear:      func(*Snapshot, Limits) string { return "No gateway refuses events for want of room." },
		Remedy:     "curl -s http://127.0.0.1:8000/debug/buffer   # then docker compose up -d --scale gateway=2, a faster disk for Redis, or send less",
	}}
}

func drops(s *Snapshot, l Limits) []Finding {
	var found []Finding
	for _, r := range s.Refusals {
		if r.DroppedPerSecond < l[dropsMost] {
			continue
		}
		found = append(found, Finding{
			Subject: r.Instance,
			Status:  Crit,
			Symptom: fmt.Sprintf("The gateway %s drops %s; it stores %s.", r.Instance, rate(r.DroppedPerSecond), rate(r.AcceptedPerSecond)),
			Cause: "Events come in faster than Redis stores them, and with --buffer-policy=drop_oldest the oldest of anonymous clients make room. " +
				"None of them was acknowledged and their senders are told (dropped): who does not send again loses them.",
			Evidence: []Fact{{"dropped", rate(r.DroppedPerSecond)}, {"stored", rate(r.AcceptedPerSecond)}},
		})
	}
	return found
}

func refusesForRoom(s *Snapshot, l Limits) []Finding {
	var found []Finding
	for _, r := range s.Refusals {
		total, most := sumOf(r.Rejected, noRoom)
		if total <= l[noRoomMost] {
			continue
		}
		found = append(found, Finding{
			Subject:  r.Instance,
			Status:   Warn,
			Symptom:  fmt.Sprintf("The gateway %s refuses %s for now; it stores %s.", r.Instance, rate(total), rate(r.AcceptedPerSecond)),
			Cause:    noRoomCause(most),
			Evidence: append(byReason(r.Rejected, noRoom), Fact{"stored", rate(r.AcceptedPerSecond)}),
		})
	}
	return found
}

func noRoomCause(reason string) string {
	if reason == event.CodeUnavailable {
		return "This gateway can't append to Redis, though stats can reach it: its own way there is cut, or it is ending. Clients are told to try again."
	}
	return "Its buffer is full and --buffer-policy=reject refuses anonymous clients, or it has as many connections as --limit-connections allows. They are told to try again."
}
