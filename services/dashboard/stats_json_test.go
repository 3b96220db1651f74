package dashboard

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "millrace.dev/proto/gen/millrace/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// full is a reading in which everything is known.
func full() *pb.Stats {
	q := func(p50, p95, p99 float64) *pb.Quantiles { return &pb.Quantiles{P50: &p50, P95: &p95, P99: &p99} }
	return &pb.Stats{
		Time: timestamppb.New(noon),
		Totals: &pb.Totals{
			// Beyond 2^32, where a renderer that writes strings or loses digits would show.
			Accepted: new(uint64(9_007_199_254_740_991)), Duplicates: new(uint64(2)), Rejected: new(uint64(3)),
			Dropped: new(uint64(0)), Processed: new(uint64(5)), Filtered: new(uint64(6)), Retried: new(uint64(7)),
			Dead: new(uint64(8)), Pending: new(uint64(9)),
		},
		Rates:       &pb.Rates{InPerS: new(1234.5), OutPerS: new(0.0)},
		LatencyMs:   &pb.LatencySet{Ack: q(1, 2, 3), EndToEnd: q(4, 5, 6), Handler: q(0.1, 0.2, 0.3)},
		Buffer:      &pb.Buffer{Size: new(uint64(12)), Capacity: new(uint64(10000)), Dropped: new(uint64(0))},
		Connections: &pb.Connections{Websocket: new(uint64(100)), Sse: new(uint64(1))},
		Pipelines: []*pb.PipelineStats{{
			Name: "count", LagEvents: new(uint64(1)), LagSeconds: new(0.25), Pending: new(uint64(2)), Processed: new(uint64(5)),
			Filtered: new(uint64(6)), Retried: new(uint64(7)), Dead: new(uint64(8)), Missing: new(int64(-1)),
		}},
		Types: []*pb.TypeCount{{Type: "test", Count: 4}, {Type: "other", Count: 2}, {Count: 1, Other: true}},
		Instances: []*pb.Instance{{
			Id: "gateway-1", Service: "gateway", Up: true, Started: timestamppb.New(noon.Add(-time.Hour)),
			Version: "1.0.0", Reported: timestamppb.New(noon),
		}},
		Missing: new(int64(1)),
		Workers: []*pb.WorkerRow{{
			Instance: "worker-1", Pipeline: "count", Up: true, Handlers: new(uint64(4)), Busy: new(uint64(1)), Processed: new(uint64(5)),
		}},
	}
}

func TestStatsJSON(t *testing.T) {
	for name, stats := range map[string]*pb.Stats{
		"full":    full(),
		"never":   nil,
		"nothing": {Pipelines: []*pb.PipelineStats{{Name: "count"}}, Workers: []*pb.WorkerRow{{Instance: "worker-1"}}},
	} {
		t.Run(name, func(t *testing.T) { golden(t, "stats_"+name+".json", renderStats(stats)) })
	}
}

// golden compares JSON with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(indented.Bytes(), want) {
		t.Errorf("%s differs; got\n%s", file, indented.Bytes())
	}
}

// The names are a contract with everyone who reads /api/stats.
func TestStatsNames(t *testing.T) {
	want := []string{
		"buffer", "connections", "instances", "latency_ms", "missing", "pipelines", "rates", "time", "totals", "types", "workers",
	}
	for _, stats := range []*pb.Stats{nil, {}, full()} {
		var got map[string]json.RawMessage
		if err := json.Unmarshal(renderStats(stats), &got); err != nil {
			t.Fatal(err)
		}
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
			t.Errorf("names %v, want %v", names, want)
		}
	}
}

func TestNoNumberIsNull(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		body := renderStats(&pb.Stats{Rates: &pb.Rates{InPerS: &f}})
		if !bytes.Contains(body, []byte(`"in_per_s":null`)) {
			t.Errorf("%v: %s", f, body)
		}
	}
}
