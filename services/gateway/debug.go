package gateway

import (
	"encoding/json"
	"net/http"
	"time"
)

// bufferReport answers GET /debug/buffer: the guide's fields first.
type bufferReport struct {
	Size       int64             `json:"size"`
	Capacity   int64             `json:"capacity"`
	Dropped    uint64            `json:"dropped"`
	Workers    int               `json:"workers"` // appender lanes
	Bytes      int64             `json:"bytes"`
	MaxBytes   int64             `json:"max_bytes"`
	Policy     string            `json:"policy"`
	OldestMS   int64             `json:"oldest_ms"`
	Partitions []partitionReport `json:"partitions"`
}

type partitionReport struct {
	Partition int `json:"partition"`
	Batches   int `json:"batches"`
	Events    int `json:"events"`
}

func (g *Gateway) serveDebugBuffer(w http.ResponseWriter, _ *http.Request) {
	events, bytes, _ := g.room.used()
	report := bufferReport{
		Size: events, Capacity: g.room.limits.events, Dropped: g.metrics.dropped.Load(), Workers: len(g.lanes),
		Bytes: bytes, MaxBytes: g.room.limits.bytes, Policy: g.config.BufferPolicy, OldestMS: g.oldest().Milliseconds(),
	}
	for _, p := range g.partitions {
		report.Partitions = append(report.Partitions, p.report())
	}
	writeJSON(w, http.StatusOK, report)
}

// oldest is the age of the oldest event that is not stored yet.
func (g *Gateway) oldest() time.Duration {
	var age time.Duration
	for _, l := range g.lanes {
		if at := l.oldest(); !at.IsZero() {
			age = max(age, time.Since(at))
		}
	}
	return age
}

func (p *partition) report() partitionReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := partitionReport{Partition: p.number, Batches: len(p.queue)}
	for _, b := range p.queue {
		r.Events += b.events
	}
	return r
}

// workersReport answers GET /debug/workers: the guide's fields first, then a row for each worker and pipeline.
type workersReport struct {
	Running     bool        `json:"running"`
	WorkerCount int         `json:"worker_count"`
	Stats       workerStats `json:"stats"`
	Workers     []workerRow `json:"workers"`
}

type workerStats struct {
	Processed *uint64 `json:"processed"`
	Filtered  *uint64 `json:"filtered"`
	Retried   *uint64 `json:"retried"`
	Dead      *uint64 `json:"dead"`
	Pending   *uint64 `json:"pending"`
}

type workerRow struct {
	Instance  string  `json:"instance"`
	Pipeline  string  `json:"pipeline"`
	Up        bool    `json:"up"`
	Handlers  *uint64 `json:"handlers"`
	Busy      *uint64 `json:"busy"`
	Processed *uint64 `json:"processed"`
}

// serveDebugWorkers tells of all workers, as stats knows them.
func (g *Gateway) serveDebugWorkers(w http.ResponseWriter, _ *http.Request) {
	report := workersReport{Workers: []workerRow{}}
	latest := g.dashboard.Latest()
	if t := latest.GetTotals(); t != nil {
		report.Stats = workerStats{t.Processed, t.Filtered, t.Retried, t.Dead, t.Pending}
	}
	for _, row := range latest.GetWorkers() {
		report.Workers = append(report.Workers, workerRow{
			row.GetInstance(), row.GetPipeline(), row.GetUp(), row.Handlers, row.Busy, row.Processed})
	}
	for _, i := range latest.GetInstances() {
		if i.GetService() == "worker" && i.GetUp() {
			report.WorkerCount++
		}
	}
	report.Running = report.WorkerCount > 0
	writeJSON(w, http.StatusOK, report)
}

// writeJSON answers with v; that a client is gone by then is no news.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
