// Package stats is step 3 of the flow: metrics and ledger -> gRPC.
//
//	gateway, worker ──OTLP──▶ receive ──▶ registry ──┐
//	                                                 ├──▶ snapshot ──▶ publish ──▶ GetStats, WatchStats, Diagnose
//	Redis ──survey, once a second──▶ sweep ──▶ flow ─┘
//
// In come the reports of every process, cumulative and once a second, and what a survey reads of the stream; out goes
// how the pipeline is doing, and what the doctor finds in it. It promises that
//
//   - counts are totals since the stream began: they come from the stream's own ledger and survive every restart;
//   - a report that comes twice, late or not at all changes no total;
//   - what is not known is not set: no zero in disguise, and an old reading says by its time that it is old;
//   - nobody who asks waits for Redis or for another service.
package stats
