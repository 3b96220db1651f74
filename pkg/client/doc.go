// Package client sends events to a gateway and resends them until they are decided: durable, or refused.
//
//	Send, Publish ─▶ queue ─▶ writer ─▶ /ws?session=ID&next=N
//	                   ▲ └──◀── reader ◀── ack, error, slow, go, draining
//	                   └─ what is not acknowledged is sent again on the next connection
//
// A Client is one session: a sequence of numbered events that lives in this memory and survives connections and
// gateways. The gateway recognises what it has stored already, so resending until acknowledged means that every
// event is stored exactly once, as long as this process lives and Redis keeps what it has acknowledged; if it does
// not, Config.Lost hears of it.
//
// Three ways to send, from easy to cheap; all keep the order in which they were called:
//
//   - Send waits until its events are decided, and returns the refusals.
//   - Publish returns as soon as there is room, and calls back. What gathers while a write is under way goes in one
//     array: no timer, and single events are fast.
//   - PublishFrame takes JSON that the caller has encoded, and sends it as it is.
//
// What the package promises:
//
//   - Every event that was taken has one outcome, and its callback is called once: nil (durable), a *Refusal (never
//     stored), or an error that is ErrClosed or ErrRefused (the session ended first: it may be stored or not).
//   - Memory is bounded, by events and by bytes: a gateway that is away, or says that it is slow, makes callers wait.
//   - Neither the key nor the session's id is in an error or a log. Who knows the id can spoil the session.
//   - A gateway that does not keep to the protocol is left, and tried again later.
package client
