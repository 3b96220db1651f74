// Package gateway is step 1 of the flow: browser -> stream.
//
//	browser ──/ws──────────▶ connection ─┐ enter                          ┌─ lane ──▶ Redis Streams
//	service ──/api/events──▶ request ────┴─▶ gate ▶ rates ▶ pace ▶ room ─▶ partition ─┘   │
//	                ack ◀── writer ◀── window ◀────── decided ◀──────────────────────────┘
//	operators ─/api/control─▶ Redis ─▶ controls ─▶ gate, limits, keys     guard ─▶ gate, pace
//
// In come frames of events; out go batches in the stream, and an acknowledgement for each event once it is
// durable or an error once it is refused. It promises that
//
//   - nothing is acknowledged that is not stored, and what a named session resends is stored once;
//   - the events of a session are stored in the order sent, in each partition;
//   - one bad event does not touch its neighbours, nor one bad client its neighbours;
//   - memory is bounded: by the room for events, by the frame, and by what is written to a slow reader.
//
// An event is copied once, from the socket's frame into the batch of its partition, and is never decoded
// again on its way. While the lane waits for Redis, everything that arrives gathers in the next batches (group
// commit): no timer, low latency when idle, large batches when busy.
package gateway
