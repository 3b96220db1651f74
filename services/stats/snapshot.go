package stats

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"millrace.dev/pkg/histogram"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
	"millrace.dev/pkg/telemetry"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// view is all that a snapshot is made of.
type view struct {
	now       time.Time
	survey    survey.Survey // Taken is zero when there was none yet
	rates     *Rates        // nil: not known
	instances []Instance
	totals    Totals
}

// snapshot is the statistics of a moment. What is not known is not set.
func snapshot(v view) *pb.Stats {
	s := &pb.Stats{
		LatencyMs:   v.latencies(),
		Buffer:      v.buffer(),
		Connections: v.connections(),
		Rates:       &pb.Rates{},
		Totals:      &pb.Totals{},
		Instances:   v.instanceRows(),
		Workers:     v.workerRows(),
	}
	if v.rates != nil {
		s.Rates = &pb.Rates{InPerS: &v.rates.In, OutPerS: &v.rates.Out}
	}
	if v.survey.Taken.IsZero() {
		return s
	}
	total := v.survey.Total()
	s.Time = timestamppb.New(v.survey.Taken)
	s.Totals = totals(v.survey, total)
	s.Pipelines = v.pipelineRows(total)
	s.Types = typeRows(v.survey)
	s.Missing = missing(v.survey)
	return s
}

func totals(v survey.Survey, l ledger.Ledger) *pb.Totals {
	var all ledger.Account
	known := true
	for _, a := range l.Pipelines {
		all.Processed += a.Processed
		all.Filtered += a.Filtered
		all.Retried += a.Retried
		all.Dead += a.Dead
		all.Unread += a.Pending()
		known = known && a.Uncounted == 0
	}
	t := &pb.Totals{
		Accepted: &l.Accepted, Duplicates: &l.Duplicates, Rejected: &v.Rejected, Dropped: &v.Dropped,
		Processed: &all.Processed, Filtered: &all.Filtered, Retried: &all.Retried, Dead: &all.Dead,
	}
	if known {
		t.Pending = &all.Unread
	}
	return t
}

// missing adds up what each pipeline lacks in each partition, without signs: what one lacks must not hide what another
// has too much of. Nil: it is 0 as far as is known, and not all is.
func missing(v survey.Survey) *int64 {
	var total int64
	known := true
	for _, p := range v.Partitions {
		for name := range p.Ledger.Pipelines {
			n := p.Ledger.Missing(name)
			total += max(n, -n)
			known = known && p.Ledger.Known(name)
		}
	}
	if total == 0 && !known {
		return nil
	}
	return &total
}

func (v view) latencies() *pb.LatencySet {
	of := func(name string) *pb.Quantiles { return quantiles(durations(v.instances, v.now, name, nil)) }
	return &pb.LatencySet{
		Ack:      of(telemetry.MetricAckDuration),
		EndToEnd: of(telemetry.MetricEndToEndDuration),
		Handler:  of(telemetry.MetricHandlerDuration),
	}
}

func quantiles(h histogram.Histogram) *pb.Quantiles {
	return &pb.Quantiles{P50: milliseconds(h, 0.50), P95: milliseconds(h, 0.95), P99: milliseconds(h, 0.99)}
}

func milliseconds(h histogram.Histogram, q float64) *float64 {
	d, ok := h.Quantile(q)
	if !ok {
		return nil
	}
	ms := float64(d) / float64(time.Millisecond)
	return &ms
}

// gauge adds up a gauge over the instances that are up and have it.
func (v view) gauge(name string, match func(Series) bool) *uint64 {
	var total float64
	reported := false
	for _, i := range v.instances {
		if !i.Up {
			continue
		}
		if n, ok := sum(i.Last.Gauges, name, match); ok {
			total += max(0, n)
			reported = true
		}
	}
	if !reported {
		return nil
	}
	whole := uint64(total)
	return &whole
}

func (v view) buffer() *pb.Buffer {
	b := &pb.Buffer{
		Size:     v.gauge(telemetry.MetricBufferEvents, nil),
		Capacity: v.gauge(telemetry.MetricBufferCapacity, nil),
	}
	if n, ok := sum(v.totals, telemetry.MetricDropped, nil); ok {
		whole := uint64(n)
		b.Dropped = &whole
	}
	return b
}

func (v view) connections() *pb.Connections {
	of := func(kind string) *uint64 {
		return v.gauge(telemetry.MetricConnections, func(s Series) bool { return s.attr(telemetry.AttrKind) == kind })
	}
	return &pb.Connections{Websocket: of("websocket"), Sse: of("sse")}
}
