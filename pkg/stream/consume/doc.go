// Package consume takes events from the stream to a handler and settles them: each is counted exactly once.
//
//	           a partition each              2..16                        one
//	events ──▶ readers ──▶ dispatcher ──▶ handlers ──results──▶ entries ──▶ settler ──settle.lua──▶ ledger, state, dead letters
//	             ▲           batches                                            │
//	             └─────────────────────── room: what is in flight ◀─────────────┘
//
// A pipeline is a consumer group; its processes share the work. Redis hands out entries, of up to 1,000 events; a
// handler gets batches of events, across entries; results are put back per entry, and an entry is settled when all
// its events have one. Settling is one script: only what its caller still owns is settled, and the ledger, the keyed
// state and the dead letters change with it or not at all. So counts are exact whatever crashes; an effect of a
// handler on the outside may repeat, with the same event id.
//
// A process shows that it lives by a lease in every partition, renewed five times in its life. Entries of one whose
// lease is absent are taken over by the others; a slow one keeps its own however long its handlers take.
//
// The number of handlers follows their load, and the room their number: see Config.MinHandlers.
package consume
