// Package lifecycle runs the parts of a process: it starts them in order, stops them in the reverse order, waits
// for each, and gives up on one that does not end in time.
//
//	          start ──────────────────────▶
//	signal    redis    stats    worker    gateway
//	          ◀────────────────────── stop, one after another
//
// Parts that depend on others are added after them. So the gateway has drained into the stream before the worker
// stops, and the worker has settled before the Redis that this process started goes away.
package lifecycle
