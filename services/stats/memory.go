package stats

import (
	"slices"

	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
	"millrace.dev/services/doctor"
)

// memory is the most that sweeps saw in each partition, and what later ones missed: Redis itself forgets that it had
// more.
type memory struct {
	seen ledger.Memory
	lost map[int]doctor.PartitionLoss
}

// add compares a sweep with those before it, and returns how many events it lacks.
func (m *memory) add(v survey.Survey) (lost uint64) {
	for _, p := range v.Partitions {
		n := m.seen.Saw(p.Number, p.Epoch, p.Ledger.Accepted)
		if n == 0 {
			continue
		}
		if m.lost == nil {
			m.lost = map[int]doctor.PartitionLoss{}
		}
		m.lost[p.Number] = doctor.PartitionLoss{Partition: p.Number, Events: m.lost[p.Number].Events + n, At: v.Taken}
		lost += n
	}
	return lost
}

// losses are all so far, by partition.
func (m *memory) losses() []doctor.PartitionLoss {
	var all []doctor.PartitionLoss
	for _, l := range m.lost {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b doctor.PartitionLoss) int { return a.Partition - b.Partition })
	return all
}

// remember compares a sweep with what was seen before, and says so in the log if events are gone.
func (s *sweeper) remember(v survey.Survey) {
	if lost := s.memory.add(v); lost > 0 {
		s.log.Error("Redis came back with fewer events than were seen in it", "lost", lost)
	}
}
