package stats

import (
	"errors"
	"testing"
	"time"

	"millrace.dev/pkg/histogram"
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
	s := examined(v, reading{survey: v.survey, read: true}, "redis://somewhere")

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
			[]doctor.Part{doctor.PartSurvey, doctor.PartFlow, doctor.ProbePart(doctor.ProbeGateway)}, doctor.FaultRefused,
		},
		{
			"Redis is full", view{now: noon, survey: surveyed(), rates: &Rates{}},
			reading{survey: surveyed(), read: true, err: errors.New("OOM command not allowed")},
			[]doctor.Part{doctor.ProbePart(doctor.ProbeGateway)}, doctor.FaultFull,
		},
		{
			"the first reading", view{now: noon, survey: surveyed()}, reading{survey: surveyed(), read: true},
			[]doctor.Part{doctor.PartFlow, doctor.ProbePart(doctor.ProbeGateway)}, "",
		},
		{
			"the stream is being opened", view{now: noon}, reading{},
			[]doctor.Part{doctor.PartSurvey, doctor.PartFlow, doctor.PartMemory, doctor.ProbePart(doctor.ProbeGateway)}, "",
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
