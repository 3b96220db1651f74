// Package client sends events to a gateway and resends them until they are acknowledged.
//
//	Publish ─▶ queue of frames ─▶ writer ─▶ /ws?session=ID&next=N
//	              ▲    └──────◀── reader ◀── ack, error, slow, go, draining
//	              └─ what is not acknowledged is sent again on the next connection
//
// A Client is one session: a sequence of numbered events that lives in this memory and survives connections and
// gateways. The gateway recognises what it has stored already, so resending until acknowledged means that every
// event is stored exactly once.
package client
