// Package dashboard shows a person how the pipeline is doing. It is the last step of the flow, a library that
// the gateway mounts:
//
//	browser -> gateway -> Redis Streams -> worker
//	               \______________________/
//	                          |
//	                          v
//	                        stats --gRPC--> [ dashboard ] --SSE, JSON--> browser
//
// In come the statistics and the diagnosis of the stats service: one stream and one call a second, for however
// many browsers. Out go the page, `/api/stats`, `/api/stats/stream` and `/api/diagnosis`.
//
// What it promises: a request never waits for stats and never calls it, it is answered with bytes that are
// ready. Without stats the last reading is served with its own time, so that its age shows, and the diagnosis
// says that stats is away. What is not known is null, never a zero.
package dashboard
