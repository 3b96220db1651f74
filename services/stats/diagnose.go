package stats

import (
	"cmp"
	"fmt"
	"time"

	"millrace.dev/pkg/telemetry"
	pb "millrace.dev/proto/gen/millrace/v1"
	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/wire"
)

func diagnosis(s *doctor.Snapshot, found []doctor.Finding) *pb.Diagnosis {
	return wire.ToProto(doctor.Conclude(s, found))
}

// nothingYet is the doctor's snapshot before the first look.
func nothingYet(now time.Time) *doctor.Snapshot {
	s := &doctor.Snapshot{Taken: now, Missing: map[doctor.Part]string{}}
	for _, part := range []doctor.Part{
		doctor.PartSurvey, doctor.PartFeed, doctor.PartFlow, doctor.PartBuffer, doctor.PartMemory,
		doctor.PartRefusals, doctor.PartGates, doctor.PartControl,
		doctor.ProbePart(doctor.ProbeRedis), doctor.ProbePart(doctor.ProbeGateway), doctor.ProbePart(doctor.ProbeStats),
	} {
		s.Missing[part] = "stats has just started"
	}
	return s
}

// examined is the doctor's snapshot of a moment. What the last look at Redis did not show is missing in it, though
// the statistics still show it with its time.
func examined(v view, r reading, redis string) *doctor.Snapshot {
	s := &doctor.Snapshot{
		Taken: v.now, Missing: map[doctor.Part]string{}, Instances: v.patients(), Buffers: v.buffers(),
		Refusals: v.refusals(), Gates: v.gates(),
		Probes: map[string]doctor.Probe{
			doctor.ProbeStats: {Target: "this process"},
			doctor.ProbeRedis: doctor.Reached(redis, r.survey.Redis.RoundTrip, r.err),
		},
	}
	if gateway, why := v.gatewayProbe(); why == "" {
		s.Probes[doctor.ProbeGateway] = gateway
	} else {
		s.Missing[doctor.ProbePart(doctor.ProbeGateway)] = why
	}
	if r.survey.Taken.IsZero() {
		s.Missing[doctor.PartMemory] = "the stream has not been read yet"
	} else {
		s.Losses = append([]doctor.PartitionLoss{}, r.losses...) // not nil: that nothing was lost is known
	}
	r.addControl(s)
	if !r.read {
		why := "the stream is being opened"
		if r.err != nil {
			why = "Redis could not be read: " + r.err.Error()
		}
		s.Missing[doctor.PartSurvey], s.Missing[doctor.PartFlow] = why, why
		return s
	}
	s.Survey = r.survey
	if v.rates == nil {
		s.Missing[doctor.PartFlow] = "two readings of the same stream are needed"
		return s
	}
	s.Pipelines = v.pipelineFigures()
	return s
}

func (v view) patients() []doctor.Instance {
	all := []doctor.Instance{} // empty, not nil: nobody has reported, which is known
	for _, i := range v.instances {
		all = append(all, doctor.Instance{ID: i.ID, Service: i.Service, Up: i.Up, Started: i.Started, Reported: i.Reported})
	}
	return all
}

// gatewayProbe tells from their reports whether a gateway can be reached: stats asks none, it is told every second.
func (v view) gatewayProbe() (p doctor.Probe, unknown string) {
	var last Instance
	for _, i := range v.instances {
		switch {
		case i.Service != "gateway":
		case i.Up:
			return doctor.Probe{Target: cmp.Or(i.DebugAddr, i.ID)}, ""
		case i.Reported.After(last.Reported):
			last = i
		}
	}
	if last.ID == "" {
		return doctor.Probe{}, "no gateway has reported"
	}
	silent := v.now.Sub(last.Reported).Round(time.Second)
	return doctor.Probe{
		Target: cmp.Or(last.DebugAddr, last.ID), Fault: doctor.FaultTimeout,
		Error: fmt.Sprintf("%s has not reported for %v, and no other gateway has", last.ID, silent),
	}, ""
}

// buffers are those of the gateways that are up.
func (v view) buffers() []doctor.Buffer {
	all := []doctor.Buffer{}
	for _, i := range v.instances {
		capacity, known := sum(i.Last.Gauges, telemetry.MetricBufferCapacity, nil)
		if !i.Up || !known {
			continue
		}
		size, _ := sum(i.Last.Gauges, telemetry.MetricBufferEvents, nil)
		blocked, _ := i.growth(v.now, telemetry.MetricBufferBlocked)
		all = append(all, doctor.Buffer{
			Instance: i.ID, Size: uint64(max(0, size)), Capacity: uint64(max(0, capacity)), BlockedPerSecond: blocked,
		})
	}
	return all
}

func (v view) pipelineFigures() map[string]doctor.PipelineFigures {
	all := map[string]doctor.PipelineFigures{}
	for name, a := range v.survey.Total().Pipelines {
		of := func(s Series) bool { return s.attr(telemetry.AttrPipeline) == name }
		busy := func(s Series) bool { return of(s) && s.attr(telemetry.AttrState) == "busy" }
		rates := v.rates.Pipelines[name]
		all[name] = doctor.PipelineFigures{
			LagEvents: a.Unread, LagSeconds: lagSeconds(v.survey, name), LagGrowthPerSecond: rates.Backlog,
			InPerSecond: v.rates.In, OutPerSecond: rates.Ended,
			Handlers: v.gauge(telemetry.MetricHandlers, of), Busy: v.gauge(telemetry.MetricHandlers, busy),
			HandlerP99: milliseconds(durations(v.instances, v.now, telemetry.MetricHandlerDuration, of), 0.99),
		}
	}
	return all
}
