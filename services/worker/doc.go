// Package worker is step 2 of the flow: stream -> effects.
//
//	Redis Streams ──read──▶ decode ──▶ handle ──▶ settle ──▶ ledger, counts, dead letters
//	      ▲                                          │
//	      └──────────────── trim ◀── retention ◀─────┘
//
// In come the batches that gateways stored; out goes what pipelines make of them. The built-in one, `count`, always
// runs: it counts events by type. It promises that
//
//   - every event is counted exactly once in each pipeline, whichever worker is killed;
//   - what a dead worker had in its hands is taken over within twice its lease, what a slow one has is not;
//   - an event that can't be handled goes to the dead letters and stops nothing;
//   - what a pipeline has not settled is never trimmed.
//
// Workers share the work: start as many as there is work for.
package worker
