package telemetry

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// report is one call of the collector.
type report struct {
	headers metadata.MD
	body    *otlp.ResourceMetrics
}

// receiver is a real OTLP server, in place of stats.
type receiver struct {
	collector.UnimplementedMetricsServiceServer
	hang    bool        // takes reports and answers none
	asked   chan report // the latest that nobody has looked at
	release chan struct{}
}

func (r *receiver) Export(ctx context.Context, in *collector.ExportMetricsServiceRequest) (*collector.ExportMetricsServiceResponse, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	select {
	case <-r.asked: // the next says more
	default:
	}
	select {
	case r.asked <- report{headers, in.ResourceMetrics[0]}:
	default: // another was faster
	}
	if r.hang {
		select {
		case <-ctx.Done():
		case <-r.release:
		}
	}
	return &collector.ExportMetricsServiceResponse{}, ctx.Err()
}

// receive serves a receiver on addr until the test ends or stop is called.
func receive(t *testing.T, addr string, r *receiver) (at string, stop func()) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	r.asked, r.release = make(chan report, 1), make(chan struct{})
	server := grpc.NewServer()
	collector.RegisterMetricsServiceServer(server, r)
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(ln) }) // ends with Stop, without an error
	stop = sync.OnceFunc(func() {
		close(r.release)
		server.Stop()
		wg.Wait()
	})
	t.Cleanup(stop)
	return ln.Addr().String(), stop
}

// next returns the next report, and everything in it by name.
func (r *receiver) next(t *testing.T) (report, map[string]*otlp.Metric) {
	t.Helper()
	select {
	case got := <-r.asked:
		all := map[string]*otlp.Metric{}
		for _, m := range got.body.ScopeMetrics[0].Metrics {
			all[m.Name] = m
		}
		return got, all
	case <-time.After(patience):
		t.Fatal("no report came")
		return report{}, nil
	}
}

// attr is the text of one attribute, "" if it is not there.
func attr(attrs []*common.KeyValue, key string) string {
	i := slices.IndexFunc(attrs, func(a *common.KeyValue) bool { return a.Key == key })
	if i < 0 {
		return ""
	}
	return attrs[i].Value.GetStringValue()
}
