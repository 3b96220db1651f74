package telemetry

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"

	"millrace.dev/pkg/histogram"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// provide starts a Provider that ends with the test.
func provide(t *testing.T, c ProviderConfig) *Provider {
	t.Helper()
	if c.Instance.ID == "" {
		c.Instance = NewInstance("gateway")
	}
	if c.Log == nil {
		c.Log = quiet()
	}
	p, err := NewProvider(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestAReportSaysWhoSendsIt(t *testing.T) {
	var stats receiver
	addr, _ := receive(t, "127.0.0.1:0", &stats)
	me := NewInstance("worker")
	me.Version = "v1.2.3"
	provide(t, ProviderConfig{
		Instance: me, StatsAddr: addr, InternalKey: "s3cret", Interval: 10 * time.Millisecond, Advertise: "10.0.0.7:4711",
	})
	got, _ := stats.next(t)
	if auth := got.headers.Get("authorization"); !reflect.DeepEqual(auth, []string{"Bearer s3cret"}) {
		t.Errorf("authorization %q", auth)
	}
	for key, want := range map[string]string{
		ResourceService:   "worker",
		ResourceInstance:  me.ID,
		ResourceVersion:   "v1.2.3",
		ResourceStarted:   me.Started.UTC().Format(time.RFC3339Nano),
		ResourceDebugAddr: "10.0.0.7:4711",
	} {
		if is := attr(got.body.Resource.Attributes, key); is != want {
			t.Errorf("%s is %q, want %q", key, is, want)
		}
	}
}

func TestWithoutKeyAndAddressNeitherIsSent(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer theirs")
	var stats receiver
	addr, _ := receive(t, "127.0.0.1:0", &stats)
	provide(t, ProviderConfig{StatsAddr: addr, Interval: 10 * time.Millisecond})
	got, _ := stats.next(t)
	if auth := got.headers.Get("authorization"); len(auth) != 0 {
		t.Errorf("authorization %q was sent", auth)
	}
	if is := attr(got.body.Resource.Attributes, ResourceDebugAddr); is != "" {
		t.Errorf("debug address %q was sent", is)
	}
}

func TestFiguresArrive(t *testing.T) {
	var stats receiver
	addr, _ := receive(t, "127.0.0.1:0", &stats)
	me := NewInstance("gateway")
	p := provide(t, ProviderConfig{Instance: me, StatsAddr: addr, Interval: 10 * time.Millisecond})

	var acks histogram.Recorder
	for d := 50 * time.Microsecond; d < time.Minute; d *= 2 {
		acks.Record(d, 7)
	}
	p.Counter(MetricAccepted, UnitEvents, With(), func() uint64 { return 1 << 40 })
	p.Seconds(MetricBufferBlocked, With(), func() time.Duration { return 1500 * time.Millisecond })
	p.Gauge(MetricConnections, UnitConnections, With(AttrKind, "websocket"), func() int64 { return 3 })
	p.Gauge(MetricConnections, UnitConnections, With(AttrKind, "sse"), func() int64 { return 4 })
	p.Histogram(MetricAckDuration, With(AttrPipeline, "count"), &acks)

	got, all := stats.next(t)
	for len(all) < 4 { // a report that was on its way
		got, all = stats.next(t)
	}
	accepted := all[MetricAccepted].GetSum()
	if !accepted.IsMonotonic || accepted.AggregationTemporality != otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		t.Errorf("accepted is no cumulative counter: %v", accepted)
	}
	point := accepted.DataPoints[0]
	if point.GetAsInt() != 1<<40 || point.StartTimeUnixNano != uint64(me.Started.UnixNano()) || point.TimeUnixNano < point.StartTimeUnixNano {
		t.Errorf("accepted %v since %v", point, me.Started)
	}
	if blocked := all[MetricBufferBlocked]; blocked.Unit != "s" || blocked.GetSum().DataPoints[0].GetAsDouble() != 1.5 {
		t.Errorf("blocked %v", blocked)
	}
	kinds := map[string]int64{}
	for _, p := range all[MetricConnections].GetGauge().DataPoints {
		kinds[attr(p.Attributes, AttrKind)] = p.GetAsInt()
	}
	if !maps.Equal(kinds, map[string]int64{"websocket": 3, "sse": 4}) {
		t.Errorf("connections %v", kinds)
	}
	sameHistogram(t, all[MetricAckDuration], acks.Snapshot())
	if scope := got.body.ScopeMetrics[0].Scope; scope.Name == "" || scope.Version != me.Version {
		t.Errorf("scope %v", scope)
	}
}

// sameHistogram compares what came over the wire with what was sent, bucket by bucket.
func sameHistogram(t *testing.T, m *otlp.Metric, sent histogram.Histogram) {
	t.Helper()
	data := m.GetExponentialHistogram()
	if m.Unit != "s" || data.AggregationTemporality != otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		t.Errorf("unit %q, temporality %v", m.Unit, data.AggregationTemporality)
	}
	p := data.DataPoints[0]
	if attr(p.Attributes, AttrPipeline) != "count" {
		t.Errorf("attributes %v", p.Attributes)
	}
	came, err := histogram.New(p.Scale, p.Positive.Offset, p.Positive.BucketCounts, p.GetSum())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(came, sent) || p.Count != sent.Count() || p.Scale != histogram.Scale || p.ZeroCount != 0 {
		t.Errorf("came %v, sent %+v", p, sent)
	}
}

func TestSeriesThatAppearAtRunTime(t *testing.T) {
	var stats receiver
	addr, _ := receive(t, "127.0.0.1:0", &stats)
	p := provide(t, ProviderConfig{StatsAddr: addr, Interval: 10 * time.Millisecond})
	var reasons atomic.Pointer[map[string]uint64]
	reasons.Store(&map[string]uint64{})
	var recorder histogram.Recorder
	p.Counters(MetricRejected, UnitEvents, func(yield func(Attrs, uint64) bool) {
		for reason, n := range *reasons.Load() {
			if !yield(With(AttrReason, reason), n) {
				return
			}
		}
	})
	p.Gauges(MetricHandlers, UnitHandlers, func(yield func(Attrs, int64) bool) {
		_ = yield(With(AttrState, "busy"), -1) && yield(With(AttrState, "idle"), 2)
	})
	p.Histograms(MetricHandlerDuration, func(yield func(Attrs, *histogram.Recorder) bool) {
		_ = yield(With(AttrPipeline, "a"), &recorder) && yield(With(AttrPipeline, "b"), &recorder)
	})
	reasons.Store(&map[string]uint64{"invalid_json": 2, "too_large": 5})

	want := map[string]int64{"invalid_json": 2, "too_large": 5}
	is := map[string]int64{}
	for deadline := time.Now().Add(patience); !maps.Equal(is, want) && time.Now().Before(deadline); {
		_, all := stats.next(t)
		for _, p := range all[MetricRejected].GetSum().GetDataPoints() {
			is[attr(p.Attributes, AttrReason)] = p.GetAsInt()
		}
	}
	if !maps.Equal(is, want) {
		t.Errorf("rejected %v, want %v", is, want)
	}
	_, all := stats.next(t)
	if n := len(all[MetricHandlers].GetGauge().DataPoints); n != 2 {
		t.Errorf("%d gauges, want 2", n)
	}
	if n := len(all[MetricHandlerDuration].GetExponentialHistogram().DataPoints); n != 2 {
		t.Errorf("%d histograms, want 2", n)
	}
}

func TestSlipsInRegistrationPanic(t *testing.T) {
	p := provide(t, ProviderConfig{})
	p.Gauge("a", UnitBytes, With(), func() int64 { return 0 })
	for name, slip := range map[string]func(){
		"another kind":      func() { p.Counter("a", UnitBytes, With(), func() uint64 { return 0 }) },
		"another unit":      func() { p.Gauge("a", UnitEvents, With(), func() int64 { return 0 }) },
		"half an attribute": func() { With(AttrKind) }, //nolint:staticcheck // the slip
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			slip()
		}()
	}
}

func TestThreeProvidersInOneProcessDoNotMix(t *testing.T) {
	var stats receiver
	addr, _ := receive(t, "127.0.0.1:0", &stats)
	for n, service := range []string{"gateway", "worker", "stats"} {
		p := provide(t, ProviderConfig{Instance: NewInstance(service), StatsAddr: addr, Interval: 10 * time.Millisecond})
		p.Gauge("of."+service, UnitEvents, With(), func() int64 { return int64(n) })
	}
	seen := map[string]int64{}
	for deadline := time.Now().Add(patience); len(seen) < 3 && time.Now().Before(deadline); {
		got, all := stats.next(t)
		service := attr(got.body.Resource.Attributes, ResourceService)
		for name, m := range all {
			if name != "of."+service {
				t.Fatalf("%s reports %s", service, name)
			}
			seen[service] = m.GetGauge().DataPoints[0].GetAsInt()
		}
	}
	if !maps.Equal(seen, map[string]int64{"gateway": 0, "worker": 1, "stats": 2}) {
		t.Errorf("seen %v", seen)
	}
}

func TestShutdownSendsALastReport(t *testing.T) {
	var stats receiver
	addr, _ := receive(t, "127.0.0.1:0", &stats)
	p := provide(t, ProviderConfig{StatsAddr: addr, Interval: time.Hour})
	p.Counter(MetricAccepted, UnitEvents, With(), func() uint64 { return 42 })
	done := make(chan error, 1)
	go func() { done <- p.Shutdown(t.Context()) }()
	_, all := stats.next(t)
	if n := all[MetricAccepted].GetSum().DataPoints[0].GetAsInt(); n != 42 {
		t.Errorf("accepted %d, want 42", n)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Errorf("shut down twice: %v", err)
	}
}

func TestShutdownDoesNotWaitForAStatsThatHangs(t *testing.T) {
	stats := receiver{hang: true}
	addr, _ := receive(t, "127.0.0.1:0", &stats)
	p := provide(t, ProviderConfig{StatsAddr: addr, Interval: 10 * time.Millisecond})
	stats.next(t)
	began := time.Now()
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > flushFor+time.Second {
		t.Errorf("shutdown took %v, want at most %v", took, flushFor)
	}
}

func TestAProviderWithoutStatsReportsNothing(t *testing.T) {
	p := provide(t, ProviderConfig{})
	p.Counter(MetricAccepted, UnitEvents, With(), func() uint64 {
		t.Error("read for nobody")
		return 0
	})
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnAddressThatCannotBeOneIsAnError(t *testing.T) {
	if p, err := NewProvider(t.Context(), ProviderConfig{StatsAddr: "%zz", Log: quiet()}); err == nil {
		t.Errorf("%v was made", p)
	}
}
