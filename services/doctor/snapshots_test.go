package doctor

import (
	"slices"
	"time"

	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
)

// noon is when all snapshots of these tests are taken.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// healthy is a pipeline with one of everything, at work and well. Each test spoils what it is about.
func healthy() *Snapshot {
	return &Snapshot{
		Taken: noon,
		Survey: survey.Survey{
			Taken: noon,
			Partitions: []survey.Partition{
				partition(0, ledger.Account{Processed: 990, Working: 8, Unread: 2}),
				partition(1, ledger.Account{Processed: 1000}),
			},
			Leases: []survey.Lease{
				{Partition: 0, Pipeline: "count", Consumer: "w1"},
				{Partition: 1, Pipeline: "count", Consumer: "w1"},
				{Partition: 0, Pipeline: "count", Consumer: "w2"},
			},
			Redis: survey.Server{
				UsedMemory: new(uint64(64 << 20)), MaxMemory: new(uint64(512 << 20)), MaxMemoryPolicy: "noeviction", Durability: "fsynced",
			},
		},
		Instances: []Instance{
			{ID: "g1", Service: "gateway", Up: true, Started: noon.Add(-time.Hour), Reported: noon},
			{ID: "w1", Service: "worker", Up: true, Started: noon.Add(-time.Hour), Reported: noon},
			{ID: "w2", Service: "worker", Up: true, Started: noon.Add(-time.Minute), Reported: noon},
		},
		Pipelines: map[string]PipelineFigures{"count": {
			LagEvents: 2, LagSeconds: 0.01, InPerSecond: 5000, OutPerSecond: 5000,
			Handlers: new(uint64(4)), Busy: new(uint64(1)), HandlerP99: new(1.5),
		}},
		Buffers: []Buffer{{Instance: "g1", Size: 120, Capacity: 10000}},
		Losses:  []PartitionLoss{},
		Refusals: []Refusals{{
			Instance: "g1", AcceptedPerSecond: 5000, Rejected: map[string]float64{"invalid_event": 0.4, "unauthorized": 0.2},
		}},
		Gates:   []Gate{{"g1", GateOperator, 0}, {"g1", GateDurability, 0}, {"g1", GateAdmission, 0}},
		Control: &Control{Keys: 2},
		Probes: map[string]Probe{
			ProbeRedis:   {Target: "127.0.0.1:6379", RoundTrip: 400 * time.Microsecond},
			ProbeGateway: {Target: "127.0.0.1:8000"},
			ProbeStats:   {Target: "127.0.0.1:9000"},
		},
	}
}

// partition accepted 1,000 events; a says where they are in the pipeline count.
func partition(number int, a ledger.Account) survey.Partition {
	return survey.Partition{
		Number: number, Epoch: "e",
		Ledger: ledger.Ledger{Accepted: 1000, Pipelines: map[string]ledger.Account{"count": a}},
		Groups: map[string]survey.Group{"count": {Delivered: "1-0"}},
	}
}

// spoiled is a healthy snapshot after some changes.
func spoiled(changes ...func(*Snapshot)) *Snapshot {
	s := healthy()
	for _, change := range changes {
		change(s)
	}
	return s
}

func unreachable(name string, f Fault, text string) func(*Snapshot) {
	return func(s *Snapshot) {
		s.Probes[name] = Probe{Target: s.Probes[name].Target, Fault: f, Error: text}
	}
}

// without is the snapshot lacking a part.
func without(s *Snapshot, p Part) *Snapshot {
	c := *s
	c.Probes = map[string]Probe{}
	for name, probe := range s.Probes {
		if ProbePart(name) != p {
			c.Probes[name] = probe
		}
	}
	switch p {
	case PartSurvey:
		c.Survey = survey.Survey{}
	case PartFeed:
		c.Instances = nil
	case PartFlow:
		c.Pipelines = nil
	case PartBuffer:
		c.Buffers = nil
	case PartMemory:
		c.Losses = nil
	case PartRefusals:
		c.Refusals = nil
	case PartGates:
		c.Gates = nil
	case PartControl:
		c.Control = nil
	}
	return &c
}

// only is the snapshot with nothing but some of its parts.
func only(s *Snapshot, keep ...Part) *Snapshot {
	for _, p := range allParts() {
		if !slices.Contains(keep, p) {
			s = without(s, p)
		}
	}
	return s
}

func allParts() []Part {
	return []Part{
		PartSurvey, PartFeed, PartFlow, PartBuffer, PartMemory, PartRefusals, PartGates, PartControl,
		ProbePart(ProbeRedis), ProbePart(ProbeGateway), ProbePart(ProbeStats),
	}
}

// about returns the findings of one rule.
func about(id string, found []Finding) []Finding {
	var own []Finding
	for _, f := range found {
		if f.ID == id {
			own = append(own, f)
		}
	}
	return own
}
