package stats

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
	"millrace.dev/pkg/telemetry"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// mostTypes is how many types have a row of their own.
const mostTypes = 100

func (v view) pipelineRows(total ledger.Ledger) []*pb.PipelineStats {
	var rows []*pb.PipelineStats
	for _, name := range slices.Sorted(maps.Keys(total.Pipelines)) {
		a := total.Pipelines[name]
		seconds := lagSeconds(v.survey, name)
		row := &pb.PipelineStats{
			Name: name, LagEvents: &a.Unread, LagSeconds: &seconds,
			Processed: &a.Processed, Filtered: &a.Filtered, Retried: &a.Retried, Dead: &a.Dead,
		}
		if a.Uncounted == 0 {
			pending := a.Pending()
			row.Pending = &pending
		}
		row.Missing = missingOf(v.survey, name)
		rows = append(rows, row)
	}
	return rows
}

// missingOf adds up what a pipeline lacks in each partition. Nil: not all is known, and what is balances.
func missingOf(v survey.Survey, pipeline string) *int64 {
	var total int64
	known := true
	for _, p := range v.Partitions {
		total += p.Ledger.Missing(pipeline)
		known = known && p.Ledger.Known(pipeline)
	}
	if total == 0 && !known {
		return nil
	}
	return &total
}

// lagSeconds is the age of the oldest event that nobody has read, when the ledger was read; 0 when there is none.
func lagSeconds(v survey.Survey, pipeline string) float64 {
	var oldest time.Duration
	for _, p := range v.Partitions {
		if at := p.Groups[pipeline].OldestUnread; !at.IsZero() {
			oldest = max(oldest, v.Taken.Sub(at))
		}
	}
	return oldest.Seconds()
}

// typeRows are the most frequent types, most frequent first, and the sum of the rest.
func typeRows(v survey.Survey) []*pb.TypeCount {
	counts, other := map[string]uint64{}, uint64(0)
	for _, p := range v.Partitions {
		for name, n := range p.Types {
			counts[name] += n
		}
		other += p.Other
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var rows []*pb.TypeCount
	for i, name := range names {
		if i >= mostTypes {
			other += counts[name]
			continue
		}
		rows = append(rows, &pb.TypeCount{Type: name, Count: counts[name]})
	}
	if other > 0 {
		rows = append(rows, &pb.TypeCount{Type: "other", Count: other, Other: true})
	}
	return rows
}

func (v view) instanceRows() []*pb.Instance {
	var rows []*pb.Instance
	for _, i := range v.instances {
		row := &pb.Instance{Id: i.ID, Service: i.Service, Up: i.Up, Version: i.Version, Reported: timestamppb.New(i.Reported)}
		if !i.Started.IsZero() {
			row.Started = timestamppb.New(i.Started)
		}
		rows = append(rows, row)
	}
	return rows
}

// workerRows has one row a worker and pipeline. What handlers do is known only of one that is up.
func (v view) workerRows() []*pb.WorkerRow {
	var rows []*pb.WorkerRow
	for _, i := range v.instances {
		for _, pipeline := range pipelinesOf(i) {
			of := func(key, value string) func(Series) bool {
				return func(s Series) bool {
					return s.attr(telemetry.AttrPipeline) == pipeline && (key == "" || s.attr(key) == value)
				}
			}
			row := &pb.WorkerRow{Instance: i.ID, Pipeline: pipeline, Up: i.Up}
			if i.Up {
				row.Handlers = whole(sum(i.Last.Gauges, telemetry.MetricHandlers, of("", "")))
				row.Busy = whole(sum(i.Last.Gauges, telemetry.MetricHandlers, of(telemetry.AttrState, "busy")))
			}
			row.Processed = whole(sum(i.Last.Sums, telemetry.MetricEvents, of(telemetry.AttrOutcome, "processed")))
			rows = append(rows, row)
		}
	}
	return rows
}

// pipelinesOf are the pipelines that an instance runs, as far as it reports handlers.
func pipelinesOf(i Instance) []string {
	names := map[string]bool{}
	for s := range i.Last.Gauges {
		if s.Name == telemetry.MetricHandlers {
			names[s.attr(telemetry.AttrPipeline)] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func whole(x float64, known bool) *uint64 {
	if !known {
		return nil
	}
	n := uint64(max(0, x))
	return &n
}
