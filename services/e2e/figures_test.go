package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace.dev/services/e2e/stack"
)

// figures are those of /api/stats; null is nil.
type figures struct {
	Time   *time.Time
	Totals struct {
		Accepted, Duplicates, Rejected, Dropped, Processed, Filtered, Retried, Dead, Pending *uint64
	}
	Rates struct {
		In  *float64 `json:"in_per_s"`
		Out *float64 `json:"out_per_s"`
	}
	Latency struct {
		Ack, Handler quantiles
		EndToEnd     quantiles `json:"end_to_end"`
	} `json:"latency_ms"`
	Buffer      struct{ Size, Capacity, Dropped *uint64 }
	Connections struct{ WebSocket, SSE *uint64 }
	Pipelines   []struct {
		Name                                        string
		Pending, Processed, Filtered, Retried, Dead *uint64
		LagEvents                                   *uint64  `json:"lag_events"`
		LagSeconds                                  *float64 `json:"lag_seconds"`
	}
	Types []struct {
		Type  string
		Count uint64
	}
	Instances []struct {
		ID, Service, Version string
		Up                   bool
		Started              *time.Time
	}
	Missing *int64
}

type quantiles struct{ P50, P95, P99 *float64 }

func (q quantiles) known() bool {
	return q.P50 != nil && q.P95 != nil && q.P99 != nil && *q.P50 > 0 && *q.P50 <= *q.P95 && *q.P95 <= *q.P99
}

// String is as JSON: pointers say nothing to people.
func (f figures) String() string {
	b, _ := json.Marshal(f)
	return string(b)
}

// number is a figure's value; -1: it is not known.
func number(n *uint64) int {
	if n == nil {
		return -1
	}
	return int(*n)
}

// statsOf reads /api/stats.
func statsOf(t *testing.T, gateway *stack.Service) figures {
	t.Helper()
	var f figures
	gateway.GetJSON("/api/stats", &f)
	return f
}

// names are all that /api/stats must have; [] stands for every row of a list.
const names = `
time
totals.accepted totals.duplicates totals.rejected totals.dropped totals.processed totals.filtered totals.retried totals.dead totals.pending
rates.in_per_s rates.out_per_s
latency_ms.ack.p50 latency_ms.ack.p95 latency_ms.ack.p99
latency_ms.end_to_end.p50 latency_ms.end_to_end.p95 latency_ms.end_to_end.p99
latency_ms.handler.p50 latency_ms.handler.p95 latency_ms.handler.p99
buffer.size buffer.capacity buffer.dropped
connections.websocket connections.sse
pipelines.[].name pipelines.[].lag_events pipelines.[].lag_seconds pipelines.[].pending
pipelines.[].processed pipelines.[].filtered pipelines.[].retried pipelines.[].dead
types.[].type types.[].count
instances.[].id instances.[].service instances.[].up instances.[].started instances.[].version
`

// lacking are the names that an answer does not have. A list without rows lacks nothing.
func lacking(t *testing.T, body []byte) []string {
	t.Helper()
	var answer any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var missing []string
	for path := range strings.FieldsSeq(names) {
		if !has(answer, strings.Split(path, ".")) {
			missing = append(missing, path)
		}
	}
	return missing
}

func has(value any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	if path[0] == "[]" {
		rows, ok := value.([]any)
		return ok && !slices.ContainsFunc(rows, func(row any) bool { return !has(row, path[1:]) })
	}
	object, ok := value.(map[string]any)
	inner, there := object[path[0]]
	return ok && there && has(inner, path[1:])
}

// awaitFigures waits for figures that were read after now and are as wanted, and says how long it took.
func awaitFigures(t *testing.T, gateway *stack.Service, what string, ok func(figures) bool) (figures, time.Duration) {
	t.Helper()
	began := time.Now()
	f := stack.Await(t, what, func() (figures, bool) {
		f := statsOf(t, gateway)
		return f, f.Time != nil && f.Time.After(began) && ok(f)
	})
	return f, time.Since(began)
}

// services counts the instances that are up.
func (f figures) services() string {
	var up []string
	for _, i := range f.Instances {
		if i.Up {
			up = append(up, i.Service)
		}
	}
	slices.Sort(up)
	return fmt.Sprint(up)
}
