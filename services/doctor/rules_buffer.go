package doctor

import "fmt"

const bufferFullID = "MR-BUFFER-001"

// Limits of the buffer.
const (
	bufferWarn    = "buffer_warn"
	bufferCrit    = "buffer_crit"
	bufferBlocked = "buffer_blocked"
)

func bufferRules() []Rule {
	return []Rule{{
		ID:         bufferFullID,
		Title:      "The buffer is full",
		Loss:       Delayed,
		Needs:      []Part{PartBuffer},
		After:      []string{redisAwayID, undurableID},
		Neighbours: []string{redisAwayID},
		Limits: []Limit{
			{bufferWarn, "%", 80, 10},
			{bufferCrit, "%", 99, 20},
			{bufferBlocked, "s/s", 1, 0.1},
		},
		Check:  buffersFull,
		Clear:  buffersFree,
		Remedy: "millrace stats   # compare the rates; then docker compose up -d --scale gateway=2, or send less",
	}}
}

func buffersFull(s *Snapshot, l Limits) []Finding {
	var found []Finding
	for _, b := range s.Buffers {
		status := bufferStatus(b, l)
		if status == OK {
			continue
		}
		found = append(found, Finding{
			Subject: b.Instance,
			Status:  status,
			Symptom: fmt.Sprintf("The buffer of %s holds %d of %d events (%.0f %%); clients wait to send.", b.Instance, b.Size, b.Capacity, b.percent()),
			Cause:   "Events come in faster than Redis stores them: its disk or network is slow, or more is sent than this machine can take.",
			Evidence: []Fact{
				{"events", fmt.Sprintf("%d of %d", b.Size, b.Capacity)},
				{"producers waiting", fmt.Sprintf("%.1f s a second, all together", b.BlockedPerSecond)},
			},
		})
	}
	return found
}

// bufferStatus is by how full it is, and by whether producers wait. A frame waits until all of it has room, so
// the buffer can be full for large ones at 90 %; and it is bounded by bytes too, so at any number of events.
func bufferStatus(b Buffer, l Limits) Status {
	high, blocked := b.percent() >= l[bufferWarn], b.BlockedPerSecond >= l[bufferBlocked]
	switch {
	case b.percent() >= l[bufferCrit], high && blocked:
		return Crit
	case high, blocked:
		return Warn
	}
	return OK
}

func buffersFree(s *Snapshot, _ Limits) string {
	fullest := 0.0
	for _, b := range s.Buffers {
		fullest = max(fullest, b.percent())
	}
	return fmt.Sprintf("The fullest buffer of %s is at %.0f %%.", plural(len(s.Buffers), "gateway", "gateways"), fullest)
}

func (b Buffer) percent() float64 {
	if b.Capacity == 0 {
		return 0
	}
	return 100 * float64(b.Size) / float64(b.Capacity)
}
