package stats

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"millrace.dev/pkg/histogram"
	"millrace.dev/pkg/telemetry"
)

func TestReportsOfAProviderArrive(t *testing.T) {
	s := serve(t, "")
	p := provide(t, s.addr, "gateway")
	var acks histogram.Recorder
	acks.Record(5*time.Millisecond, 100)
	p.Counter(telemetry.MetricAccepted, telemetry.UnitEvents, telemetry.With(), func() uint64 { return 1 << 40 })
	p.Counter(telemetry.MetricRejected, telemetry.UnitEvents, telemetry.With(telemetry.AttrReason, "too_large"), func() uint64 { return 3 })
	p.Seconds(telemetry.MetricBufferBlocked, telemetry.With(), func() time.Duration { return 1500 * time.Millisecond })
	p.Gauge(telemetry.MetricConnections, telemetry.UnitConnections, telemetry.With(telemetry.AttrKind, "sse"), func() int64 { return 7 })
	p.Histogram(telemetry.MetricAckDuration, telemetry.With(), &acks)
	shutdown(t, p)

	all, totals := s.feed.look(time.Now())
	if len(all) != 1 || all[0].Service != "gateway" || all[0].Version != telemetry.Version || !all[0].Up || all[0].Started.IsZero() {
		t.Fatalf("instances %+v", all)
	}
	last := all[0].Last
	for series, want := range map[Series]float64{
		newSeries(telemetry.MetricAccepted):                                    1 << 40,
		newSeries(telemetry.MetricRejected, telemetry.AttrReason, "too_large"): 3,
		newSeries(telemetry.MetricBufferBlocked):                               1.5,
	} {
		if last.Sums[series] != want || totals[series] != want {
			t.Errorf("%s is %v, total %v, want %v", series.Name, last.Sums[series], totals[series], want)
		}
	}
	if n := last.Gauges[newSeries(telemetry.MetricConnections, telemetry.AttrKind, "sse")]; n != 7 {
		t.Errorf("connections %v, want 7", n)
	}
	if h := last.Histograms[newSeries(telemetry.MetricAckDuration)]; h.Count() != 100 || h.Scale() != histogram.Scale {
		t.Errorf("acks %+v", h)
	}
}

// Quantiles of all replicas together are those of all samples together, within 2 %.
func TestReplicasMerge(t *testing.T) {
	s := serve(t, "")
	random := rand.New(rand.NewPCG(1, 2))
	samples := map[string][]time.Duration{}
	for _, replica := range []struct {
		service, metric string
		count           int
		typical         float64 // ms; each has its own, so that no replica looks like the whole
	}{
		{"gateway", telemetry.MetricAckDuration, 20_000, 2},
		{"gateway", telemetry.MetricAckDuration, 10_000, 5},
		{"gateway", telemetry.MetricAckDuration, 300, 120},
		{"worker", telemetry.MetricEndToEndDuration, 5_000, 8},
		{"worker", telemetry.MetricEndToEndDuration, 5_000, 9},
		{"worker", telemetry.MetricEndToEndDuration, 8_000, 30},
		{"worker", telemetry.MetricEndToEndDuration, 100, 900},
		{"worker", telemetry.MetricEndToEndDuration, 1, 5_000},
	} {
		p := provide(t, s.addr, replica.service)
		var rec histogram.Recorder
		p.Histogram(replica.metric, telemetry.With(telemetry.AttrPipeline, "count"), &rec)
		for range replica.count {
			d := time.Duration(replica.typical * math.Exp(random.NormFloat64()) * float64(time.Millisecond))
			rec.Record(d, 1)
			samples[replica.metric] = append(samples[replica.metric], d)
		}
		shutdown(t, p)
	}
	now := time.Now()
	instances, totals := s.feed.look(now)
	if len(instances) != 8 {
		t.Fatalf("%d instances, want 8", len(instances))
	}
	l := snapshot(view{now: now, instances: instances, totals: totals}).LatencyMs
	for metric, got := range map[string][3]*float64{
		telemetry.MetricAckDuration:      {l.Ack.P50, l.Ack.P95, l.Ack.P99},
		telemetry.MetricEndToEndDuration: {l.EndToEnd.P50, l.EndToEnd.P95, l.EndToEnd.P99},
	} {
		raw := samples[metric]
		slices.Sort(raw)
		for i, q := range []float64{0.50, 0.95, 0.99} {
			want := float64(raw[int(math.Ceil(q*float64(len(raw))))-1]) / float64(time.Millisecond)
			if got[i] == nil || math.Abs(*got[i]/want-1) > 0.02 {
				t.Errorf("%s: quantile %v is %v, want %v", metric, q, got[i], want)
			}
		}
	}
	if l.Handler.P99 != nil {
		t.Error("nobody measured handlers")
	}
}

// request is one of a stock exporter.
func request(metrics ...*otlp.Metric) *collector.ExportMetricsServiceRequest {
	text := func(key, value string) *common.KeyValue {
		return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
	}
	return &collector.ExportMetricsServiceRequest{ResourceMetrics: []*otlp.ResourceMetrics{{
		Resource:     &resource.Resource{Attributes: []*common.KeyValue{text("service.name", "shop"), text("service.instance.id", "shop-1")}},
		ScopeMetrics: []*otlp.ScopeMetrics{{Metrics: metrics}},
	}}}
}

const (
	delta      = otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	cumulative = otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
)

func point(after time.Duration, v float64) []*otlp.NumberDataPoint {
	return []*otlp.NumberDataPoint{{
		StartTimeUnixNano: uint64(noon.UnixNano()), TimeUnixNano: uint64(noon.Add(after).UnixNano()),
		Value: &otlp.NumberDataPoint_AsDouble{AsDouble: v},
	}}
}

func sumOf(name string, temporality otlp.AggregationTemporality, monotonic bool, points []*otlp.NumberDataPoint) *otlp.Metric {
	return &otlp.Metric{Name: name, Data: &otlp.Metric_Sum{Sum: &otlp.Sum{
		AggregationTemporality: temporality, IsMonotonic: monotonic, DataPoints: points,
	}}}
}

func exponential(temporality otlp.AggregationTemporality, after time.Duration, scale, offset int32, counts ...uint64) *otlp.Metric {
	return &otlp.Metric{Name: "h", Data: &otlp.Metric_ExponentialHistogram{ExponentialHistogram: &otlp.ExponentialHistogram{
		AggregationTemporality: temporality,
		DataPoints: []*otlp.ExponentialHistogramDataPoint{{
			TimeUnixNano: uint64(noon.Add(after).UnixNano()), Scale: scale,
			Positive: &otlp.ExponentialHistogramDataPoint_Buckets{Offset: offset, BucketCounts: counts},
		}},
	}}}
}

// export sends requests to a receiver and returns what is known then.
func export(t *testing.T, requests ...*collector.ExportMetricsServiceRequest) Instance {
	t.Helper()
	r := receiver{feed: newFeed(time.Minute)}
	for _, in := range requests {
		if _, err := r.Export(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	all, _ := r.feed.look(time.Now())
	if len(all) != 1 {
		t.Fatalf("instances %+v", all)
	}
	return all[0]
}

func TestReportsOfAStockExporter(t *testing.T) {
	const s = time.Second
	i := export(t,
		request(
			sumOf("requests", delta, true, point(s, 5)), sumOf("bytes", cumulative, true, point(s, 100)),
			sumOf("open", cumulative, false, point(s, 9)), exponential(delta, s, 8, 0, 1, 1, 1),
		),
		request(
			sumOf("requests", delta, true, point(2*s, 7)), sumOf("bytes", cumulative, true, point(2*s, 150)),
			sumOf("open", cumulative, false, point(2*s, 4)), exponential(delta, 2*s, 8, 0, 1, 1, 1),
		),
		request(sumOf("bytes", cumulative, true, point(s, 1))), // late
	)
	if i.ID != "shop-1" || i.Service != "shop" || !i.Started.Equal(noon) {
		t.Errorf("instance %+v", i)
	}
	if i.Last.Sums[newSeries("requests")] != 12 || i.Last.Sums[newSeries("bytes")] != 150 {
		t.Errorf("sums %v", i.Last.Sums)
	}
	if i.Last.Gauges[newSeries("open")] != 4 {
		t.Errorf("gauges %v", i.Last.Gauges)
	}
	if h := i.Last.Histograms[newSeries("h")]; h.Count() != 6 || h.Scale() != histogram.Scale {
		t.Errorf("histogram of scale 8: %+v", h)
	}
}

func TestWhatCantBeAddedUpIsPassedOver(t *testing.T) {
	empty := point(time.Second, 5)
	empty[0].Flags = uint32(otlp.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)
	i := export(t, request(
		sumOf("nan", cumulative, true, point(time.Second, math.NaN())),
		sumOf("inf", cumulative, true, point(time.Second, math.Inf(1))),
		sumOf("empty", cumulative, true, empty),
		&otlp.Metric{Name: "bounds", Data: &otlp.Metric_Histogram{Histogram: &otlp.Histogram{}}},
		&otlp.Metric{Name: "nothing"},
		sumOf("good", cumulative, true, point(time.Second, 1)),
	))
	if len(i.Last.Sums) != 1 || len(i.Last.Histograms) != 0 {
		t.Errorf("kept %v and %v", i.Last.Sums, i.Last.Histograms)
	}
}

func TestReportsThatAreRefused(t *testing.T) {
	nobody := request()
	nobody.ResourceMetrics[0].Resource.Attributes = nobody.ResourceMetrics[0].Resource.Attributes[:1]
	for _, c := range []struct {
		name, says string
		in         *collector.ExportMetricsServiceRequest
	}{
		{"without an instance", "service.instance.id", nobody},
		{"a scale that is none", "scale", request(exponential(cumulative, 0, 30, 0, 1))},
		{"buckets beyond all numbers", "buckets", request(exponential(cumulative, 0, 0, math.MaxInt32-1, 1))},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := receiver{feed: newFeed(time.Minute)}
			_, err := r.Export(t.Context(), c.in)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v", err)
			}
			if all, _ := r.feed.look(time.Now()); len(all) != 0 {
				t.Errorf("%+v was taken", all)
			}
		})
	}
}

func TestAMessageThatIsTooLargeIsRefused(t *testing.T) {
	s := serve(t, "")
	in := request(sumOf(strings.Repeat("x", mostReceived), cumulative, true, point(0, 1)))
	_, err := collector.NewMetricsServiceClient(dial(t, s.addr)).Export(context.Background(), in)
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("error %v", err)
	}
}
