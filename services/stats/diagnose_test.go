package stats

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/histogram"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
	"millrace.dev/pkg/telemetry"
	"millrace.dev/services/doctor"
)

func TestTheDoctorSeesWhatWasMeasured(t *testing.T) {
	r := NewRegistry(time.Hour)
	for s := -6; s <= 0; s++ {
		at := noon.Add(time.Duration(s) * time.Second)
		g := gateway("g1", at, 300, 5)
		g.DebugAddr = "10.0.0.1:8000"
		g.Sums[newSeries(telemetry.MetricBufferBlocked)] = 100 + float64(s)*1.5
		turnAway(g, float64(s))
		r.Apply(at, g)
		w := workerReport("w1", at, 2, 0)
		var rec histogram.Recorder
		rec.Record(40*time.Millisecond, uint64(10+s))
		w.Histograms = map[Series]histogram.Histogram{newSeries(telemetry.MetricHandlerDuration, telemetry.AttrPipeline, "count"): rec.Snapshot()}
		r.Apply(at, w)
	}
	v := view{
		now: noon, survey: surveyed(), instances: r.Instances(noon),
		rates: &Rates{In: 50, Pipelines: map[string]PipelineRates{"count": {Ended: 30, Backlog: 20}}},
	}
	v.survey.Redis.RoundTrip = 3 * time.Millisecond
	paused := &control.Change{By: "alice"}
	told := &orders{State: control.State{Pause: paused, Keys: make([]access.Key, 3), Lost: true}}
	s := examined(v, reading{survey: v.survey, read: true, orders: told}, "redis://somewhere")

	if c := s.Control; c == nil || c.Pause != paused || c.Keys != 3 || !c.Lost {
		t.Errorf("control %+v", c)
	}
	turned := doctor.Refusals{
		Instance: "g1", AcceptedPerSecond: 10, DroppedPerSecond: 2, Rejected: map[string]float64{"paused": 3, "forbidden": 1},
		Held: map[string]float64{"paused": 4}, DryRun: map[string]float64{"rate_limited": 5},
	}
	if !reflect.DeepEqual(s.Refusals, []doctor.Refusals{turned}) {
		t.Errorf("refusals %+v", s.Refusals)
	}
	gates := []doctor.Gate{{Instance: "g1", Reason: doctor.GateOperator, Level: 2}, {Instance: "g1", Reason: doctor.GateAdmission, Level: 1}}
	if !slices.Equal(s.Gates, gates) {
		t.Errorf("gates %+v", s.Gates)
	}
	if len(s.Missing) != 0 {
		t.Errorf("missing %v", s.Missing)
	}
	if p := s.Probes[doctor.ProbeRedis]; p.Fault != "" || p.RoundTrip != 3*time.Millisecond || p.Target != "redis://somewhere" {
		t.Errorf("Redis %+v", p)
	}
	if p := s.Probes[doctor.ProbeGateway]; p.Fault != "" || p.Target != "10.0.0.1:8000" {
		t.Errorf("gateway %+v", p)
	}
	if len(s.Buffers) != 1 || s.Buffers[0] != (doctor.Buffer{Instance: "g1", Size: 300, Capacity: 10_000, BlockedPerSecond: 1.5}) {
		t.Errorf("buffers %+v", s.Buffers)
	}
	f := s.Pipelines["count"]
	if f.LagEvents != 39 || f.LagSeconds != 3 || f.LagGrowthPerSecond != 20 || f.InPerSecond != 50 || f.OutPerSecond != 30 {
		t.Errorf("figures %+v", f)
	}
	if *f.Handlers != 2 || *f.Busy != 2 || *f.HandlerP99 < 39 || *f.HandlerP99 > 41 {
		t.Errorf("handlers %d, busy %d, p99 %v", *f.Handlers, *f.Busy, *f.HandlerP99)
	}
	if hot := s.Pipelines["hot"]; hot.Handlers != nil || hot.HandlerP99 != nil {
		t.Errorf("a pipeline that nobody reports on: %+v", hot)
	}
}

// turnAway adds to a report what a gateway turned away up to that second.
func turnAway(g Report, second float64) {
	of := func(name string, pairs ...string) Series { return newSeries(name, pairs...) }
	g.Sums[of(telemetry.MetricAccepted)] = 1000 + 10*second
	g.Sums[of(telemetry.MetricDropped)] = 1000 + 2*second
	g.Sums[of(telemetry.MetricRejected, telemetry.AttrReason, "paused")] = 1000 + 3*second
	g.Sums[of(telemetry.MetricRejected, telemetry.AttrReason, "too_large")] = 1000
	if second == 0 { // its first
		g.Sums[of(telemetry.MetricRejected, telemetry.AttrReason, "forbidden")] = 5
	}
	g.Sums[of(telemetry.MetricHindered, telemetry.AttrReason, "paused", telemetry.AttrOutcome, "held")] = 1000 + 4*second
	g.Sums[of(telemetry.MetricHindered, telemetry.AttrReason, "rate_limited", telemetry.AttrOutcome, "dry_run")] = 1000 + 5*second
	g.Gauges[of(telemetry.MetricGate, telemetry.AttrReason, doctor.GateOperator)] = 2
	g.Gauges[of(telemetry.MetricGate, telemetry.AttrReason, doctor.GateAdmission)] = 1
}

func TestWhatTheDoctorCannotKnowIsMissing(t *testing.T) {
	away := reading{survey: surveyed(), err: errors.New("dial tcp: connection refused")}
	for _, c := range []struct {
		name    string
		view    view
		reading reading
		missing []doctor.Part
		redis   doctor.Fault
	}{
		{
			"Redis is away", view{now: noon, survey: surveyed(), rates: &Rates{}}, away,
			[]doctor.Part{doctor.PartSurvey, doctor.PartFlow, doctor.ProbePart(doctor.ProbeGateway), doctor.PartControl}, doctor.FaultRefused,
		},
		{
			"Redis is full", view{now: noon, survey: surveyed(), rates: &Rates{}},
			reading{survey: surveyed(), read: true, err: errors.New("OOM command not allowed")},
			[]doctor.Part{doctor.ProbePart(doctor.ProbeGateway), doctor.PartControl}, doctor.FaultFull,
		},
		{
			"the first reading", view{now: noon, survey: surveyed()}, reading{survey: surveyed(), read: true},
			[]doctor.Part{doctor.PartFlow, doctor.ProbePart(doctor.ProbeGateway), doctor.PartControl}, "",
		},
		{
			"the stream is being opened", view{now: noon}, reading{},
			[]doctor.Part{doctor.PartSurvey, doctor.PartFlow, doctor.PartMemory, doctor.ProbePart(doctor.ProbeGateway), doctor.PartControl}, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := examined(c.view, c.reading, "redis://somewhere")
			for _, part := range c.missing {
				if s.Missing[part] == "" {
					t.Errorf("%s is not missing", part)
				}
			}
			if len(s.Missing) != len(c.missing) || s.Probes[doctor.ProbeRedis].Fault != c.redis {
				t.Errorf("missing %v, Redis %+v", s.Missing, s.Probes[doctor.ProbeRedis])
			}
			if _, missing := s.Missing[doctor.PartMemory]; missing == (s.Losses != nil) {
				t.Errorf("losses %v, missing %v", s.Losses, s.Missing)
			}
			if s.Instances == nil || s.Buffers == nil {
				t.Error("that nobody reports is known")
			}
		})
	}
}

func TestAGatewayThatFellSilent(t *testing.T) {
	r := NewRegistry(time.Hour)
	r.Apply(noon.Add(-20*time.Second), gateway("g1", noon.Add(-20*time.Second), 0, 0))
	r.Apply(noon.Add(-10*time.Second), gateway("g2", noon.Add(-10*time.Second), 0, 0))
	p, unknown := view{now: noon, instances: r.Instances(noon)}.gatewayProbe()
	if unknown != "" || p.Fault != doctor.FaultTimeout || p.Target != "g2" {
		t.Errorf("probe %+v, %q", p, unknown)
	}
}

func TestALedgerThatDoesNotBalanceIsFound(t *testing.T) {
	p := newPublisher(newFeed(time.Minute), new(board), "redis://:secret@somewhere:6379/0?x=y")
	if p.target != "redis://somewhere:6379/0" {
		t.Errorf("address %q", p.target)
	}
	for range 3 {
		p.publish(reading{read: true, survey: survey.Survey{Taken: time.Now(), Partitions: []survey.Partition{{
			Ledger: ledger.Ledger{Accepted: 10, Pipelines: map[string]ledger.Account{"count": {Processed: 8}}},
		}}}})
	}
	for _, f := range p.board.load().diagnosis.Findings {
		if f.Id == "MR-LEDGER-001" && f.Subject == "count" {
			return
		}
	}
	t.Errorf("two events are missing and nobody says so: %v", p.board.load().diagnosis)
}
