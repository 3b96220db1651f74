package stats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/histogram"
	"millrace.dev/pkg/telemetry"
)

// This file is the only one that knows OTLP.

// receiver takes the reports of all processes. A stock OpenTelemetry exporter can send to it as well.
type receiver struct {
	collector.UnimplementedMetricsServiceServer
	feed *feed
}

// Export takes what one exporter sent. A report that can't be read is refused whole and its sender told why.
// The debug address of a report is where others will be sent who ask for it, so only one of our services may name one.
func (r *receiver) Export(ctx context.Context, in *collector.ExportMetricsServiceRequest) (*collector.ExportMetricsServiceResponse, error) {
	reports, err := readReports(in)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	for _, rep := range reports {
		if !access.From(ctx).Internal {
			rep.DebugAddr = ""
		}
		r.feed.apply(time.Now(), rep)
	}
	return &collector.ExportMetricsServiceResponse{}, nil
}

// readReports reads the reports of a request: one an instance.
func readReports(in *collector.ExportMetricsServiceRequest) ([]Report, error) {
	var reports []Report
	for _, resource := range in.GetResourceMetrics() {
		rep, err := readReport(resource)
		if err != nil {
			return nil, err
		}
		reports = append(reports, rep)
	}
	return reports, nil
}

func readReport(in *otlp.ResourceMetrics) (Report, error) {
	attrs := readAttrs(in.GetResource().GetAttributes())
	rep := Report{
		Instance: attrs[telemetry.ResourceInstance], Service: attrs[telemetry.ResourceService],
		Version: attrs[telemetry.ResourceVersion], DebugAddr: attrs[telemetry.ResourceDebugAddr],
		Sums: map[Series]float64{}, Gauges: map[Series]float64{},
		Histograms: map[Series]histogram.Histogram{}, Deltas: map[Series]bool{},
	}
	if rep.Instance == "" || rep.Service == "" {
		return Report{}, errors.New("the resource lacks service.name or service.instance.id: whose figures are they?")
	}
	r := metricsReader{report: &rep}
	for _, scope := range in.GetScopeMetrics() {
		for _, m := range scope.GetMetrics() {
			if err := r.metric(m); err != nil {
				return Report{}, fmt.Errorf("metric %q of %s: %w", m.GetName(), rep.Instance, err)
			}
		}
	}
	rep.Started = r.since
	if started, err := time.Parse(time.RFC3339Nano, attrs[telemetry.ResourceStarted]); err == nil {
		rep.Started = started
	}
	return rep, nil
}

// metricsReader reads metrics into a report.
type metricsReader struct {
	report *Report
	// since is the earliest time from which a figure counts: the start of a process that does not tell it.
	since time.Time
}

func (r *metricsReader) metric(m *otlp.Metric) error {
	switch data := m.GetData().(type) {
	case *otlp.Metric_Sum:
		delta := data.Sum.GetAggregationTemporality() == otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
		into := r.report.Sums
		if !data.Sum.GetIsMonotonic() && !delta {
			into = r.report.Gauges
		}
		r.numbers(m.GetName(), data.Sum.GetDataPoints(), into, delta)
	case *otlp.Metric_Gauge:
		r.numbers(m.GetName(), data.Gauge.GetDataPoints(), r.report.Gauges, false)
	case *otlp.Metric_ExponentialHistogram:
		h := data.ExponentialHistogram
		delta := h.GetAggregationTemporality() == otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
		return r.histograms(m.GetName(), h.GetDataPoints(), delta)
	}
	return nil // summaries and histograms with bounds of their own can't be merged: they are passed over
}

// mostFigure is more than anything that is counted. What is beyond it, infinity for one, would spoil every sum that it is
// in.
const mostFigure = 1 << 63

func (r *metricsReader) numbers(name string, points []*otlp.NumberDataPoint, into map[Series]float64, delta bool) {
	for _, p := range points {
		if p.GetFlags()&uint32(otlp.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK) != 0 {
			continue
		}
		v := p.GetAsDouble()
		if n, ok := p.GetValue().(*otlp.NumberDataPoint_AsInt); ok {
			v = float64(n.AsInt)
		}
		if math.IsNaN(v) || math.Abs(v) > mostFigure {
			continue
		}
		into[r.note(name, p.GetAttributes(), p.GetStartTimeUnixNano(), p.GetTimeUnixNano(), delta)] += v
	}
}

func (r *metricsReader) histograms(name string, points []*otlp.ExponentialHistogramDataPoint, delta bool) error {
	for _, p := range points {
		h, err := histogram.New(p.GetScale(), p.GetPositive().GetOffset(), p.GetPositive().GetBucketCounts(), p.GetSum())
		if err != nil {
			return err
		}
		s := r.note(name, p.GetAttributes(), p.GetStartTimeUnixNano(), p.GetTimeUnixNano(), delta)
		r.report.Histograms[s] = r.report.Histograms[s].Add(h)
	}
	return nil
}

// note names the series of a point, and takes from it what it says of time.
func (r *metricsReader) note(name string, attrs []*common.KeyValue, start, at uint64, delta bool) Series {
	s := seriesOf(name, readAttrs(attrs))
	if delta {
		r.report.Deltas[s] = true
	}
	if t := time.Unix(0, int64(at)); at != 0 && t.After(r.report.At) {
		r.report.At = t
	}
	// A delta begins where the last report ended, which says nothing of the process.
	if t := time.Unix(0, int64(start)); start != 0 && !delta && (r.since.IsZero() || t.Before(r.since)) {
		r.since = t
	}
	return s
}

// readAttrs reads attributes as text. Lists and maps are none of ours and count as empty.
func readAttrs(in []*common.KeyValue) map[string]string {
	out := make(map[string]string, len(in))
	for _, a := range in {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[a.GetKey()] = v.StringValue
		case *common.AnyValue_BoolValue:
			out[a.GetKey()] = strconv.FormatBool(v.BoolValue)
		case *common.AnyValue_IntValue:
			out[a.GetKey()] = strconv.FormatInt(v.IntValue, 10)
		case *common.AnyValue_DoubleValue:
			out[a.GetKey()] = strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
		default:
			out[a.GetKey()] = ""
		}
	}
	return out
}
