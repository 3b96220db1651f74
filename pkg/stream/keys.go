package stream

import "strconv"

// This file is the one table of keys. Every key of a partition carries its hash tag, {pN}, so that a script
// about one partition stays in one slot of a Redis Cluster; `1` is the version of this layout.
//
//	key                               type    fields                              written by
//	millrace:1:{pN}:layout            hash    partitions, limits                  prepare.lua
//	millrace:1:{pN}:epoch             string  random id of this life              prepare.lua
//	millrace:1:{pN}:events            stream  b (EventBatch), n (events in it)    append.lua; trim.lua cuts
//	millrace:1:{pN}:ledger            hash    see below                           see below
//	millrace:1:{pN}:mark:<session>    string  highest number stored               append.lua, marks.lua (expiry)
//	millrace:1:{pN}:claim:<id>        string  hash of a request's body; expires   claim.lua
//	millrace:1:{pN}:fence             string  what is waited for; expires         produce.Appender
//	millrace:1:{pN}:groups            hash    <pipeline> -> low-water entry id    group.lua, renew.lua
//	millrace:1:{pN}:lease:<consumer>  string  pipeline; expires                   renew.lua
//	millrace:1:{pN}:state:<pipeline>  hash    see package state                   settle.lua
//	millrace:1:{pN}:dead:<pipeline>   stream  entry, index, error, b, n           settle.lua
//	millrace:1:{pN}:trimmer           string  who trims; expires                  trim.lua
//	millrace:1:counts                 hash    <instance>:rejected, …:dropped      produce.Counts
//	millrace:1:control                hash    see below                           change.lua, before the others of control
//
// Fields of the ledger, all of them totals that only grow. `<p>` is a pipeline.
//
//	accepted        events appended                                  append.lua
//	bytes           bytes of the batches appended                    append.lua
//	ms              milliseconds of the newest entry's id            append.lua
//	duplicates      events of resends that were recognised           append.lua
//	trimmed         events cut off the old end of the stream         trim.lua
//	baseline:<p>    events trimmed before the group began            group.lua
//	replayed:<p>    events read again after the group was recreated  group.lua
//	processed:<p>   events handled                                   settle.lua
//	filtered:<p>    events that the pipeline chose to pass over      settle.lua
//	dead:<p>        events that went to the dead letters             settle.lua
//	retried:<p>     events that went to the retries                  settle.lua
//	redriven:<p>    dead letters that were given another chance      (deadletter)
//	skipped:<p>     events unread when the pipeline was forgotten    (control)
//
// Fields of control. <change> is `<ms> <JSON: by, what, why>`; one hash, so that one read sees one moment.
//
//	version         `<changes so far> <life> <mark>`: random ids of the hash and of its last change
//	log:<n>         <change>: the latest 50, n = version mod 50                     change.lua
//	pause, why      <change> of who paused, and why again; '' since somebody resumed  pause.lua
//	limits          <change>: the last one of the limits                            limits.lua
//	limit:<name>    a limit that was set at run time                                limits.lua
//	keys, admins    how many keys there are, and how many with the scope admin      keys.lua
//	key:<id>        `<ms> <a or -> <JSON: name, scopes, hash, by>`; a: it has admin  keys.lua

// prefix begins every key; 1 is the version of the layout.
const prefix = "millrace:1:"

// CountsKey is the hash in which each gateway writes its own totals of what never reached the stream.
const CountsKey = prefix + "counts"

// ControlKey is the hash of what operators tell every gateway.
const ControlKey = prefix + "control"

// Keys builds the keys of one partition.
type Keys struct{ base string }

// KeysOf returns the keys of partition p.
func KeysOf(p int) Keys { return Keys{base: prefix + "{p" + strconv.Itoa(p) + "}:"} }

// Layout is the hash of what all processes must agree on: partitions, limits.
func (k Keys) Layout() string { return k.base + "layout" }

// Epoch is the random id of this life of the partition.
func (k Keys) Epoch() string { return k.base + "epoch" }

// Events is the stream itself.
func (k Keys) Events() string { return k.base + "events" }

// Ledger is the hash of counters.
func (k Keys) Ledger() string { return k.base + "ledger" }

// Mark is the highest number of a session that is stored in this partition.
func (k Keys) Mark(session string) string { return k.base + "mark:" + session }

// Claim is what an idempotency key was used for: id is made of the credential and the key.
func (k Keys) Claim(id string) string { return k.base + "claim:" + id }

// Fence is written before a WAIT or WAITAOF, which count from the connection's own last write.
func (k Keys) Fence() string { return k.base + "fence" }

// Groups is the registry of pipelines: name to low-water mark.
func (k Keys) Groups() string { return k.base + "groups" }

// Lease is alive while the consumer of that name is.
func (k Keys) Lease(consumer string) string { return k.base + "lease:" + consumer }

// State is the keyed state of a pipeline.
func (k Keys) State(pipeline string) string { return k.base + "state:" + pipeline }

// Dead is the stream of a pipeline's dead letters.
func (k Keys) Dead(pipeline string) string { return k.base + "dead:" + pipeline }

// Trimmer names who trims the partition.
func (k Keys) Trimmer() string { return k.base + "trimmer" }
