// Package produce brings events into the stream, each exactly once.
//
// The unit is a Batch: what gathered for one partition while the last append was under way. Its Parts are what
// each producer adds. An append is one script that stores all of the batch or none of it, and it is repeated
// in place until its outcome is known; the marks of the sessions make a repetition harmless:
//
//	gateway ─▶ Batch ─▶ Appender.Append ─▶ append.lua ─▶ stored      XADD, marks, ledger in one step
//	                          ▲                     └──▶ repeated    cut off what is stored already
//	                          └─────── again ────────────┘
//
// A session is a sequence of numbered events of one producer that survives its connections. Numbers are bound
// to their content, and those of a partition are stored in order; so "the highest number stored" is all that
// has to be remembered, and that is its mark.
package produce
