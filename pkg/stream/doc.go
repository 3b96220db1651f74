// Package stream is the handle on the event log in Redis Streams, and the one table of its keys.
//
// What is done with the log is split by role, a package each, in the order in which an event meets them:
//
//	produce   events -> stream, each exactly once
//	consume   stream -> handler -> settled, each exactly once
//	state     keyed state that changes with the settling of its events
//	retain    cuts off what every pipeline has settled
//	ledger    the book-keeping, pure
//	survey    how it is doing: one sweep a second
//	server    where Redis comes from when nobody brings one
//
// This tree is the only one that knows Redis.
package stream
