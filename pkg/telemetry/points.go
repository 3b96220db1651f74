package telemetry

import (
	"iter"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"millrace.dev/pkg/histogram"
)

// span is the time that cumulative points cover: from the start of the instance until now.
type span struct{ start, now time.Time }

func (s span) sum(from []iter.Seq2[Attrs, int64]) metricdata.Aggregation {
	return metricdata.Sum[int64]{
		DataPoints:  points(s, from, func(n int64) int64 { return n }),
		Temporality: metricdata.CumulativeTemporality,
		IsMonotonic: true,
	}
}

func (s span) secondsSum(from []iter.Seq2[Attrs, time.Duration]) metricdata.Aggregation {
	return metricdata.Sum[float64]{
		DataPoints:  points(s, from, time.Duration.Seconds),
		Temporality: metricdata.CumulativeTemporality,
		IsMonotonic: true,
	}
}

func (s span) gauge(from []iter.Seq2[Attrs, int64]) metricdata.Aggregation {
	return metricdata.Gauge[int64]{DataPoints: points(s, from, func(n int64) int64 { return n })}
}

func points[V any, N int64 | float64](s span, from []iter.Seq2[Attrs, V], value func(V) N) []metricdata.DataPoint[N] {
	var out []metricdata.DataPoint[N]
	for _, all := range from {
		for attrs, v := range all {
			out = append(out, metricdata.DataPoint[N]{
				Attributes: attrs, StartTime: s.start, Time: s.now, Value: value(v),
			})
		}
	}
	return out
}

func (s span) histogram(from []iter.Seq2[Attrs, *histogram.Recorder]) metricdata.Aggregation {
	var out []metricdata.ExponentialHistogramDataPoint[float64]
	for _, all := range from {
		for attrs, r := range all {
			out = append(out, s.point(attrs, r.Snapshot()))
		}
	}
	return metricdata.ExponentialHistogram[float64]{DataPoints: out, Temporality: metricdata.CumulativeTemporality}
}

// point is h as OpenTelemetry has it: scale, offset and counts mean the same there.
func (s span) point(attrs Attrs, h histogram.Histogram) metricdata.ExponentialHistogramDataPoint[float64] {
	return metricdata.ExponentialHistogramDataPoint[float64]{
		Attributes: attrs, StartTime: s.start, Time: s.now,
		Count: h.Count(), Sum: h.Sum(), Scale: h.Scale(),
		PositiveBucket: metricdata.ExponentialBucket{Offset: h.Offset(), Counts: h.Counts()},
	}
}
