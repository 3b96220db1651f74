package stats

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
	"millrace.dev/pkg/telemetry"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// same compares messages and shows both when they differ.
func same(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", protojson.Format(got), protojson.Format(want))
	}
}

func TestWhatIsNotKnownIsNotSet(t *testing.T) {
	same(t, snapshot(view{now: noon}), &pb.Stats{
		Totals: &pb.Totals{}, Rates: &pb.Rates{}, Buffer: &pb.Buffer{}, Connections: &pb.Connections{},
		LatencyMs: &pb.LatencySet{Ack: &pb.Quantiles{}, EndToEnd: &pb.Quantiles{}, Handler: &pb.Quantiles{}},
	})
}

func TestWhatIsKnownAndZeroIsZero(t *testing.T) {
	s := snapshot(view{now: noon, survey: survey.Survey{Taken: noon, Partitions: []survey.Partition{{}}}, rates: &Rates{}})
	zero := proto.Uint64(0)
	same(t, s.Totals, &pb.Totals{
		Accepted: zero, Duplicates: zero, Rejected: zero, Dropped: zero,
		Processed: zero, Filtered: zero, Retried: zero, Dead: zero, Pending: zero,
	})
	same(t, s.Rates, &pb.Rates{InPerS: proto.Float64(0), OutPerS: proto.Float64(0)})
	if s.Missing == nil || *s.Missing != 0 {
		t.Errorf("missing %v, want 0", s.Missing)
	}
}

// surveyed is two partitions of two pipelines.
func surveyed() survey.Survey {
	partition := func(number int, oldest time.Time, lost uint64) survey.Partition {
		return survey.Partition{
			Number: number,
			Ledger: ledger.Ledger{Accepted: 100, Duplicates: 2, Pipelines: map[string]ledger.Account{
				"count": {Processed: 60, Filtered: 10, Dead: 5, Retried: 1, Unread: 20 - lost, Working: 5},
				"hot":   {Processed: 100},
			}},
			Groups: map[string]survey.Group{"count": {OldestUnread: oldest}, "hot": {}},
			Types:  map[string]uint64{"a": 50, "b": 10},
			Other:  3,
		}
	}
	return survey.Survey{
		Taken: noon, Rejected: 7, Dropped: 8,
		Partitions: []survey.Partition{partition(0, noon.Add(-3*time.Second), 1), partition(1, noon.Add(-time.Second), 0)},
	}
}

func TestFiguresOfTheLedger(t *testing.T) {
	s := snapshot(view{now: noon, survey: surveyed()})
	n := proto.Uint64
	same(t, s.Time, timestamppb.New(noon))
	same(t, s.Totals, &pb.Totals{
		Accepted: n(200), Duplicates: n(4), Rejected: n(7), Dropped: n(8),
		Processed: n(320), Filtered: n(20), Retried: n(2), Dead: n(10), Pending: n(49),
	})
	if len(s.Pipelines) != 2 {
		t.Fatalf("pipelines %v", s.Pipelines)
	}
	same(t, s.Pipelines[0], &pb.PipelineStats{
		Name: "count", LagEvents: n(39), LagSeconds: proto.Float64(3), Pending: n(49),
		Processed: n(120), Filtered: n(20), Retried: n(2), Dead: n(10), Missing: proto.Int64(1),
	})
	if hot := s.Pipelines[1]; hot.Name != "hot" || *hot.LagSeconds != 0 || *hot.LagEvents != 0 {
		t.Errorf("pipeline without lag: %v", hot)
	}
	if *s.Missing != 1 {
		t.Errorf("missing %d, want 1", *s.Missing)
	}
}

func TestOneMissingDoesNotHideOneTooMany(t *testing.T) {
	v := surveyed()
	v.Partitions[1].Ledger.Pipelines["count"] = ledger.Account{Processed: 101}
	if got := snapshot(view{now: noon, survey: v}).Missing; got == nil || *got != 2 {
		t.Errorf("missing %v, want 2", got)
	}
}

func TestWhatWasNotCountedIsNotKnown(t *testing.T) {
	v := surveyed()
	v.Partitions[0].Ledger.Pipelines["count"] = ledger.Account{Processed: 60, Uncounted: 5}
	s := snapshot(view{now: noon, survey: v})
	if s.Missing != nil || s.Totals.Pending != nil || s.Pipelines[0].Pending != nil || s.Pipelines[0].Missing != nil {
		t.Errorf("missing %v, pending %v: nobody counted them", s.Missing, s.Totals.Pending)
	}
	if s.Pipelines[1].Pending == nil || s.Pipelines[1].Missing == nil {
		t.Error("the other pipeline was counted")
	}
}

func TestTypesAreAHundredAndOther(t *testing.T) {
	v := survey.Survey{Taken: noon, Partitions: []survey.Partition{{Types: map[string]uint64{}, Other: 4}, {Types: map[string]uint64{}}}}
	for i := range 103 {
		v.Partitions[0].Types[fmt.Sprintf("t%03d", i)] = uint64(i + 1)
		v.Partitions[1].Types[fmt.Sprintf("t%03d", i)] = 1
	}
	rows := snapshot(view{now: noon, survey: v}).Types
	if len(rows) != 101 {
		t.Fatalf("%d rows, want 101", len(rows))
	}
	same(t, rows[0], &pb.TypeCount{Type: "t102", Count: 104})
	same(t, rows[99], &pb.TypeCount{Type: "t003", Count: 5})
	same(t, rows[100], &pb.TypeCount{Type: "other", Count: 4 + 2 + 3 + 4, Other: true})

	few := snapshot(view{now: noon, survey: surveyed()}).Types
	if len(few) != 3 || few[0].Type != "a" || few[0].Count != 100 || !few[2].Other || few[2].Count != 6 {
		t.Errorf("types %v", few)
	}
}

// gateway is one that reports a buffer and connections.
func gateway(id string, at time.Time, buffered, sockets float64) Report {
	return Report{
		Instance: id, Service: "gateway", Started: noon.Add(-time.Hour), At: at, Version: "v1",
		Sums: map[Series]float64{newSeries(telemetry.MetricDropped): 2},
		Gauges: map[Series]float64{
			newSeries(telemetry.MetricBufferEvents):                                     buffered,
			newSeries(telemetry.MetricBufferCapacity):                                   10_000,
			newSeries(telemetry.MetricConnections, telemetry.AttrKind, "websocket"):     sockets,
			newSeries(telemetry.MetricConnections, telemetry.AttrKind, "sse"):           1,
			newSeries(telemetry.MetricConnections, telemetry.AttrKind, "anything else"): 100,
		},
	}
}

// workerReport is one that runs the pipeline `count`.
func workerReport(id string, at time.Time, busy, idle float64) Report {
	of := func(name, key, value string) Series {
		return newSeries(name, telemetry.AttrPipeline, "count", key, value)
	}
	return Report{
		Instance: id, Service: "worker", Started: noon.Add(-time.Hour), At: at,
		Sums: map[Series]float64{
			of(telemetry.MetricEvents, telemetry.AttrOutcome, "processed"): 40,
			of(telemetry.MetricEvents, telemetry.AttrOutcome, "dead"):      9,
		},
		Gauges: map[Series]float64{
			of(telemetry.MetricHandlers, telemetry.AttrState, "busy"): busy,
			of(telemetry.MetricHandlers, telemetry.AttrState, "idle"): idle,
		},
	}
}

func TestFiguresOfInstances(t *testing.T) {
	r := NewRegistry(time.Hour)
	r.Apply(noon.Add(-time.Minute), gateway("g0", noon.Add(-time.Minute), 500, 50)) // down since
	r.Apply(noon, gateway("g1", noon, 3, 5))
	r.Apply(noon, gateway("g2", noon, 4, 6))
	r.Apply(noon, workerReport("w1", noon, 1, 3))
	r.Apply(noon.Add(-time.Minute), workerReport("w0", noon.Add(-time.Minute), 4, 0))
	s := snapshot(view{now: noon, instances: r.Instances(noon), totals: r.Totals()})

	n := proto.Uint64
	same(t, s.Buffer, &pb.Buffer{Size: n(7), Capacity: n(20_000), Dropped: n(6)})
	same(t, s.Connections, &pb.Connections{Websocket: n(11), Sse: n(2)})
	if len(s.Instances) != 5 {
		t.Fatalf("instances %v", s.Instances)
	}
	same(t, s.Instances[0], &pb.Instance{
		Id: "g0", Service: "gateway", Version: "v1",
		Started: timestamppb.New(noon.Add(-time.Hour)), Reported: timestamppb.New(noon.Add(-time.Minute)),
	})
	if !s.Instances[1].Up || s.Instances[4].Id != "w1" || !s.Instances[4].Up {
		t.Errorf("instances %v", s.Instances)
	}
	if len(s.Workers) != 2 {
		t.Fatalf("workers %v", s.Workers)
	}
	same(t, s.Workers[0], &pb.WorkerRow{Instance: "w0", Pipeline: "count", Processed: n(40)})
	same(t, s.Workers[1], &pb.WorkerRow{Instance: "w1", Pipeline: "count", Up: true, Handlers: n(4), Busy: n(1), Processed: n(40)})
}
