package telemetry

// The names of the metrics, used by those who write them and by stats, which reads them. Units are
// OpenTelemetry's (UCUM): {event}, By, s. Counters are cumulative; histograms are exponential, scale 5.
const (
	// Gateway.

	// MetricConnections is a gauge of open connections; attribute AttrKind: websocket or sse.
	MetricConnections = "millrace.gateway.connections"
	// MetricBufferEvents is a gauge of the events taken from clients and not yet stored.
	MetricBufferEvents = "millrace.gateway.buffer.events"
	// MetricBufferCapacity is a gauge: the most that MetricBufferEvents can be.
	MetricBufferCapacity = "millrace.gateway.buffer.capacity"
	// MetricBufferBytes is a gauge of the bytes of those events.
	MetricBufferBytes = "millrace.gateway.buffer.bytes"
	// MetricBufferBlocked is a counter of seconds in which sockets were not read because the buffer was full.
	MetricBufferBlocked = "millrace.gateway.buffer.blocked"
	// MetricAccepted is a counter of events stored by this gateway.
	MetricAccepted = "millrace.gateway.accepted"
	// MetricRejected is a counter of events refused; attribute AttrReason: the error's code.
	MetricRejected = "millrace.gateway.rejected"
	// MetricHindered is a counter of what limits did without refusing; attributes AttrReason, the code, and AttrOutcome:
	// held (frames that a named session had to wait with, and was told) or dry_run (events that were let pass).
	MetricHindered = "millrace.gateway.hindered"
	// MetricGate is a gauge of what keeps events out, whoever sends them: 0 nothing, 1 they are slowed, 2 none is taken;
	// attribute AttrReason: operator, durability or admission.
	MetricGate = "millrace.gateway.gate"
	// MetricDropped is a counter of events dropped by the buffer policy.
	MetricDropped = "millrace.gateway.dropped"
	// MetricAckDuration is a histogram: from the arrival of an event to its durability.
	MetricAckDuration = "millrace.gateway.ack.duration"
	// MetricLost is a counter of events that were in the stream and that Redis no longer knew later, as this gateway
	// saw it; others count the same loss.
	MetricLost = "millrace.gateway.lost"
	// MetricAppendFailures is a counter of appends that failed and were tried again.
	MetricAppendFailures = "millrace.gateway.append.failures"

	// Worker.

	// MetricEvents is a counter of events settled; attributes AttrPipeline and AttrOutcome.
	MetricEvents = "millrace.worker.events"
	// MetricHandlers is a gauge of handlers; attributes AttrPipeline and AttrState: busy or idle.
	MetricHandlers = "millrace.worker.handlers"
	// MetricHandlerDuration is a histogram of one call of a handler; attribute AttrPipeline.
	MetricHandlerDuration = "millrace.worker.handler.duration"
	// MetricEndToEndDuration is a histogram: from arrival at the gateway to settled; attribute AttrPipeline.
	MetricEndToEndDuration = "millrace.worker.end_to_end.duration"
	// MetricTakenOver is a counter of entries taken over from workers that died; attribute AttrPipeline.
	MetricTakenOver = "millrace.worker.taken_over"

	// Stats.

	// MetricSweepDuration is a histogram of one look at Redis: ledger, groups, leases, memory.
	MetricSweepDuration = "millrace.stats.sweep.duration"
)

// The attributes of those metrics.
const (
	AttrKind     = "millrace.kind"
	AttrReason   = "millrace.reason"
	AttrPipeline = "millrace.pipeline"
	AttrOutcome  = "millrace.outcome"
	AttrState    = "millrace.state"
)
