package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"millrace.dev/pkg/stream/survey"
)

// Part is a part of a snapshot that can be missing on its own.
type Part string

// The parts.
const (
	// PartSurvey is the sweep over Redis: ledger, groups, leases.
	PartSurvey Part = "survey"
	// PartFeed is what processes report of themselves: Instances.
	PartFeed Part = "feed"
	// PartFlow is Pipelines: figures that compare several sweeps.
	PartFlow Part = "flow"
	// PartBuffer is Buffers: those of the gateways that are up.
	PartBuffer Part = "buffer"
	// PartMemory is Losses: what was seen in the stream and is not there any more.
	PartMemory Part = "memory"
	// PartRefusals is Refusals: what the gateways that are up turned away.
	PartRefusals Part = "refusals"
	// PartGates is Gates: what keeps events out of them, whoever sends.
	PartGates Part = "gates"
	// PartControl is Control: what operators have said.
	PartControl Part = "control"
)

// ProbePart is the part in which a probe of that name lies.
func ProbePart(name string) Part { return Part("probe:" + name) }

// The names of probes: what somebody tried to reach. Whoever takes a snapshot makes all three (stats itself
// answers the last: it is reached by whoever asks it), or says in Missing why not.
const (
	ProbeRedis   = "redis"
	ProbeGateway = "gateway"
	ProbeStats   = "stats"
)

// Snapshot is all that the rules may know of a moment. It is plain JSON: a file of it can be examined anywhere.
type Snapshot struct {
	Taken time.Time `json:"taken"`
	// Missing says of each part that was not measured why. A part that holds nothing counts as missing too.
	Missing map[Part]string `json:"missing,omitempty"`
	// Survey is the newest sweep; PartSurvey.
	Survey survey.Survey `json:"survey,omitzero"`
	// Instances are the processes that have reported, also those that are down; PartFeed. Empty and not nil: nobody has.
	Instances []Instance `json:"instances,omitzero"`
	// Pipelines by name; PartFlow. Empty and not nil: there are none.
	Pipelines map[string]PipelineFigures `json:"pipelines,omitzero"`
	// Buffers of the gateways that are up; PartBuffer. Empty and not nil: no gateway is up.
	Buffers []Buffer `json:"buffers,omitzero"`
	// Losses by partition, since stats started; PartMemory. Empty and not nil: nothing was lost.
	Losses []PartitionLoss `json:"losses,omitzero"`
	// Refusals of the gateways that are up; PartRefusals. Empty and not nil: no gateway is up.
	Refusals []Refusals `json:"refusals,omitzero"`
	// Gates of the gateways that are up, by reason; PartGates. Empty and not nil: none reports one.
	Gates []Gate `json:"gates,omitzero"`
	// Control is what operators have said; PartControl.
	Control *Control `json:"control,omitempty"`
	// Probes by name; ProbePart(name).
	Probes map[string]Probe `json:"probes,omitempty"`
}

// Instance is a process that reported.
type Instance struct {
	ID      string `json:"id"`
	Service string `json:"service"` // gateway, worker or stats
	// Up is false after three missed reports.
	Up       bool      `json:"up"`
	Started  time.Time `json:"started"`
	Reported time.Time `json:"reported"` // the newest report
}

// PipelineFigures are of one pipeline, over all partitions and workers. Rates are over the last 5 s.
type PipelineFigures struct {
	// LagEvents is how many events no worker has read; LagSeconds the age of the oldest of them, 0 without one.
	LagEvents  uint64  `json:"lag_events"`
	LagSeconds float64 `json:"lag_seconds"`
	// LagGrowthPerSecond is the change of LagEvents: below 0 the backlog shrinks.
	LagGrowthPerSecond float64 `json:"lag_growth_per_second"`
	// InPerSecond are events stored, OutPerSecond events that came to an end in this pipeline.
	InPerSecond  float64 `json:"in_per_second"`
	OutPerSecond float64 `json:"out_per_second"`
	// Handlers is how many there are in all workers, Busy how many of them work; nil: not reported.
	Handlers *uint64 `json:"handlers,omitempty"`
	Busy     *uint64 `json:"busy,omitempty"`
	// HandlerP99 is of one call of a handler, in milliseconds; nil: there was none.
	HandlerP99 *float64 `json:"handler_p99_ms,omitempty"`
}

// Buffer is what one gateway has taken from clients and not stored yet.
type Buffer struct {
	Instance string `json:"instance"`
	// Size and Capacity in events.
	Size     uint64 `json:"size"`
	Capacity uint64 `json:"capacity"`
	// BlockedPerSecond is how long producers waited for room, all together, in seconds a second.
	BlockedPerSecond float64 `json:"blocked_per_second"`
}

// PartitionLoss is what Redis came back without: events that a sweep had seen in a partition, and a later one did not.
type PartitionLoss struct {
	Partition int `json:"partition"`
	// Events that were lost, all together, processed or not; At is when the last of them were missed.
	Events uint64    `json:"events"`
	At     time.Time `json:"at"`
}

// absent says why a part is not there; ok is false when it is there.
func (s *Snapshot) absent(p Part) (why string, ok bool) {
	if why, ok := s.Missing[p]; ok {
		return why, true
	}
	if s.holds(p) {
		return "", false
	}
	return "it was not measured", true
}

func (s *Snapshot) holds(p Part) bool {
	switch p {
	case PartSurvey:
		return !s.Survey.Taken.IsZero()
	case PartFeed:
		return s.Instances != nil
	case PartFlow:
		return s.Pipelines != nil
	case PartBuffer:
		return s.Buffers != nil
	case PartMemory:
		return s.Losses != nil
	case PartRefusals:
		return s.Refusals != nil
	case PartGates:
		return s.Gates != nil
	case PartControl:
		return s.Control != nil
	}
	for name := range s.Probes {
		if ProbePart(name) == p {
			return true
		}
	}
	return false
}

// Read reads a snapshot that was written as JSON.
func Read(r io.Reader) (*Snapshot, error) {
	var s Snapshot
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("reading a snapshot: %w", err)
	}
	return &s, nil
}
