package dashboard

import (
	"encoding/json"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "millrace.dev/proto/gen/millrace/v1"
)

// The JSON of /api/stats. protojson would write 64-bit numbers as strings and leave out what is not set; here
// numbers are JSON numbers, every name is always there, and what is not known is null.

type statsJSON struct {
	Time        *time.Time      `json:"time"`
	Totals      totalsJSON      `json:"totals"`
	Rates       ratesJSON       `json:"rates"`
	LatencyMS   latencyJSON     `json:"latency_ms"`
	Buffer      bufferJSON      `json:"buffer"`
	Connections connectionsJSON `json:"connections"`
	Pipelines   []pipelineJSON  `json:"pipelines"`
	Types       []typeJSON      `json:"types"`
	Instances   []instanceJSON  `json:"instances"`
	Missing     *int64          `json:"missing"`
	Workers     []workerJSON    `json:"workers"`
}

type totalsJSON struct {
	Accepted   *uint64 `json:"accepted"`
	Duplicates *uint64 `json:"duplicates"`
	Rejected   *uint64 `json:"rejected"`
	Dropped    *uint64 `json:"dropped"`
	Processed  *uint64 `json:"processed"`
	Filtered   *uint64 `json:"filtered"`
	Retried    *uint64 `json:"retried"`
	Dead       *uint64 `json:"dead"`
	Pending    *uint64 `json:"pending"`
}

type ratesJSON struct {
	In  *float64 `json:"in_per_s"`
	Out *float64 `json:"out_per_s"`
}

type latencyJSON struct {
	Ack      quantilesJSON `json:"ack"`
	EndToEnd quantilesJSON `json:"end_to_end"`
	Handler  quantilesJSON `json:"handler"`
}

type quantilesJSON struct {
	P50 *float64 `json:"p50"`
	P95 *float64 `json:"p95"`
	P99 *float64 `json:"p99"`
}

type bufferJSON struct {
	Size     *uint64 `json:"size"`
	Capacity *uint64 `json:"capacity"`
	Dropped  *uint64 `json:"dropped"`
}

type connectionsJSON struct {
	WebSocket *uint64 `json:"websocket"`
	SSE       *uint64 `json:"sse"`
}

type pipelineJSON struct {
	Name       string   `json:"name"`
	LagEvents  *uint64  `json:"lag_events"`
	LagSeconds *float64 `json:"lag_seconds"`
	Pending    *uint64  `json:"pending"`
	Processed  *uint64  `json:"processed"`
	Filtered   *uint64  `json:"filtered"`
	Retried    *uint64  `json:"retried"`
	Dead       *uint64  `json:"dead"`
	Missing    *int64   `json:"missing"`
}

type typeJSON struct {
	Type  string `json:"type"`
	Count uint64 `json:"count"`
	// Other marks the row that sums up the types without a row, apart from a type that is called `other`.
	Other bool `json:"other,omitempty"`
}

type instanceJSON struct {
	ID       string     `json:"id"`
	Service  string     `json:"service"`
	Up       bool       `json:"up"`
	Started  *time.Time `json:"started"`
	Version  string     `json:"version"`
	Reported *time.Time `json:"reported"`
}

type workerJSON struct {
	Instance  string  `json:"instance"`
	Pipeline  string  `json:"pipeline"`
	Up        bool    `json:"up"`
	Handlers  *uint64 `json:"handlers"`
	Busy      *uint64 `json:"busy"`
	Processed *uint64 `json:"processed"`
}

// renderStats is the body of /api/stats; nil: nothing is known.
func renderStats(s *pb.Stats) []byte {
	return encode(statsJSON{
		Time:        moment(s.GetTime()),
		Totals:      totals(s.GetTotals()),
		Rates:       rates(s.GetRates()),
		LatencyMS:   latency(s.GetLatencyMs()),
		Buffer:      buffer(s.GetBuffer()),
		Connections: connections(s.GetConnections()),
		Pipelines:   rows(s.GetPipelines(), pipeline),
		Types:       rows(s.GetTypes(), eventType),
		Instances:   rows(s.GetInstances(), instance),
		Missing:     known(s, func(s *pb.Stats) *int64 { return s.Missing }),
		Workers:     rows(s.GetWorkers(), worker),
	})
}

func totals(t *pb.Totals) totalsJSON {
	if t == nil {
		return totalsJSON{}
	}
	return totalsJSON{t.Accepted, t.Duplicates, t.Rejected, t.Dropped, t.Processed, t.Filtered, t.Retried, t.Dead, t.Pending}
}

func rates(r *pb.Rates) ratesJSON {
	if r == nil {
		return ratesJSON{}
	}
	return ratesJSON{finite(r.InPerS), finite(r.OutPerS)}
}

func latency(l *pb.LatencySet) latencyJSON {
	return latencyJSON{quantiles(l.GetAck()), quantiles(l.GetEndToEnd()), quantiles(l.GetHandler())}
}

func quantiles(q *pb.Quantiles) quantilesJSON {
	if q == nil {
		return quantilesJSON{}
	}
	return quantilesJSON{finite(q.P50), finite(q.P95), finite(q.P99)}
}

func buffer(b *pb.Buffer) bufferJSON {
	if b == nil {
		return bufferJSON{}
	}
	return bufferJSON{b.Size, b.Capacity, b.Dropped}
}

func connections(c *pb.Connections) connectionsJSON {
	if c == nil {
		return connectionsJSON{}
	}
	return connectionsJSON{c.Websocket, c.Sse}
}

func pipeline(p *pb.PipelineStats) pipelineJSON {
	return pipelineJSON{
		p.Name, p.LagEvents, finite(p.LagSeconds), p.Pending,
		p.Processed, p.Filtered, p.Retried, p.Dead, p.Missing,
	}
}

func eventType(t *pb.TypeCount) typeJSON {
	name := t.Type
	if t.Other && name == "" {
		name = "other"
	}
	return typeJSON{name, t.Count, t.Other}
}

func instance(i *pb.Instance) instanceJSON {
	return instanceJSON{i.Id, i.Service, i.Up, moment(i.Started), i.Version, moment(i.Reported)}
}

func worker(w *pb.WorkerRow) workerJSON {
	return workerJSON{w.Instance, w.Pipeline, w.Up, w.Handlers, w.Busy, w.Processed}
}

// rows renders a list. It is never null: a list is what is known.
func rows[P, J any](list []P, row func(P) J) []J {
	out := make([]J, 0, len(list))
	for _, p := range list {
		out = append(out, row(p))
	}
	return out
}

// known is a field of a message that may be absent itself.
func known[M, F any](m *M, field func(*M) *F) *F {
	if m == nil {
		return nil
	}
	return field(m)
}

// finite is f, or null if JSON has no number for it.
func finite(f *float64) *float64 {
	if f == nil || math.IsNaN(*f) || math.IsInf(*f, 0) {
		return nil
	}
	return f
}

// moment is t in UTC, or null.
func moment(t *timestamppb.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	at := t.AsTime()
	return &at
}

// encode writes a value of this package as one line of JSON.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of this package that JSON cannot hold
	}
	return b
}
