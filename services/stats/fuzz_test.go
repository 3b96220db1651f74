package stats

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"millrace.dev/pkg/telemetry"
)

// Whatever an exporter sends, stats go on: what is published, and what the doctor is shown, can be written, and is made
// of numbers.
func FuzzExport(f *testing.F) {
	for _, in := range exports() {
		b, err := proto.Marshal(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var in collector.ExportMetricsServiceRequest
		if proto.Unmarshal(b, &in) != nil {
			return
		}
		p := newPublisher(newFeed(time.Minute), new(board), "")
		_, refused := (&receiver{feed: p.feed}).Export(t.Context(), &in)
		instances, totals := p.feed.look(time.Now())
		if refused != nil && len(instances) > 0 {
			t.Fatalf("%x is refused (%v), and half of it is taken", b, refused)
		}
		for s, n := range totals {
			if math.IsNaN(n) || math.IsInf(n, 0) {
				t.Fatalf("%x: %q is %v", b, s.Name, n)
			}
		}
		p.publish(reading{})
		if _, err := proto.Marshal(p.board.load().stats); err != nil {
			t.Fatalf("%x: the statistics can't be written: %v", b, err)
		}
		if _, err := json.Marshal(examined(p.view(reading{}), reading{}, "")); err != nil {
			t.Fatalf("%x: the doctor's snapshot can't be written: %v", b, err)
		}
	})
}

// exports are reports of a gateway, each with its own oddity.
func exports() []*collector.ExportMetricsServiceRequest {
	text := func(key, value string) *common.KeyValue {
		return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
	}
	who := &resource.Resource{Attributes: []*common.KeyValue{text(telemetry.ResourceService, "gateway"), text(telemetry.ResourceInstance, "g")}}
	number := func(n float64, at uint64) *otlp.NumberDataPoint {
		return &otlp.NumberDataPoint{Value: &otlp.NumberDataPoint_AsDouble{AsDouble: n}, TimeUnixNano: at, StartTimeUnixNano: at / 2}
	}
	gauge := func(name string, points ...*otlp.NumberDataPoint) *otlp.Metric {
		return &otlp.Metric{Name: name, Data: &otlp.Metric_Gauge{Gauge: &otlp.Gauge{DataPoints: points}}}
	}
	total := func(name string, kind otlp.AggregationTemporality, points ...*otlp.NumberDataPoint) *otlp.Metric {
		return &otlp.Metric{Name: name, Data: &otlp.Metric_Sum{Sum: &otlp.Sum{DataPoints: points, AggregationTemporality: kind, IsMonotonic: true}}}
	}
	took := func(scale, offset int32, counts ...uint64) *otlp.Metric {
		return &otlp.Metric{Name: telemetry.MetricAckDuration, Data: &otlp.Metric_ExponentialHistogram{ExponentialHistogram: &otlp.ExponentialHistogram{
			DataPoints: []*otlp.ExponentialHistogramDataPoint{{Scale: scale, TimeUnixNano: 9, Positive: &otlp.ExponentialHistogramDataPoint_Buckets{Offset: offset, BucketCounts: counts}}},
		}}}
	}
	of := func(reports ...[]*otlp.Metric) *collector.ExportMetricsServiceRequest {
		in := new(collector.ExportMetricsServiceRequest)
		for _, metrics := range reports {
			in.ResourceMetrics = append(in.ResourceMetrics, &otlp.ResourceMetrics{Resource: who, ScopeMetrics: []*otlp.ScopeMetrics{{Metrics: metrics}}})
		}
		return in
	}
	const added, since = otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA, otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	return []*collector.ExportMetricsServiceRequest{
		of(), of(nil), of([]*otlp.Metric{nil}), {ResourceMetrics: []*otlp.ResourceMetrics{nil}},
		of([]*otlp.Metric{gauge(telemetry.MetricBufferCapacity, number(10, 5)), total(telemetry.MetricAccepted, since, number(3, 5))}),
		of([]*otlp.Metric{total(telemetry.MetricDropped, added, number(3, 5))}, []*otlp.Metric{total(telemetry.MetricDropped, added, number(3, 6))}),
		of([]*otlp.Metric{gauge(telemetry.MetricBufferEvents, number(math.NaN(), 5), number(math.Inf(1), 5), number(-1, 5))}),
		of([]*otlp.Metric{total(telemetry.MetricAccepted, since, number(math.MaxFloat64, 5), number(math.MaxFloat64, 5))}),
		of([]*otlp.Metric{took(3, -5, 1, 2, 3)}, []*otlp.Metric{took(-10, 0, 1)}), of([]*otlp.Metric{took(20, math.MaxInt32, 1)}),
		of([]*otlp.Metric{took(20, 1<<30-1, 1<<63, 1<<63)}, []*otlp.Metric{took(20, -1<<30, 1)}),
	}
}

// The address that the doctor shows holds no secret.
func FuzzRedisAddress(f *testing.F) {
	f.Add("redis", "", "host:1/2?db=3")
	f.Add("redis-cluster", "/", "a,b")
	f.Add("unix", "%", "/x")
	f.Fuzz(func(t *testing.T, scheme, odd, host string) {
		const secret = "correcthorsebattery"
		if shown := redisAddress(scheme + "://user:" + odd + secret + odd + "@" + host); strings.Contains(shown, secret) {
			t.Fatalf("%q %q %q is shown as %s", scheme, odd, host, shown)
		}
	})
}
