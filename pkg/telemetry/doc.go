// Package telemetry is what every process says about itself, in one way: log records, metrics, health, memory.
//
//	hot path ── atomics, histogram.Recorder ──▶ Provider ── OTLP, once a second ──▶ stats
//	log/slog ── NewLogger ──▶ standard error, and a Ring of the latest for /debug/logs
//	HTTP     ── Health, MemoryHandler, served by Serve ──▶ operator
//
// Nothing in it is global: three services live in one process under `millrace up`, each with its own Provider.
package telemetry
