package produce

import "millrace.dev/pkg/stream/ledger"

// Lost counts the events that were in the stream when this appender last stored something, and that Redis no longer
// knew when it did so again: it came back with an older file or from a replica that was behind, or it lost the stream.
// Other appenders count what they saw of the same loss.
func (a *Appender) Lost() uint64 { return a.lost.Load() }

// remembered compares what the script says was before the new entry, its id and its epoch, with what was there last.
func (a *Appender) remembered(t *attempt, reply []string) {
	if len(reply) != 2 || reply[0] == "" { // nothing was appended: duplicates were counted
		return
	}
	id, err := ledger.ParseEntryID(reply[0])
	if err != nil {
		return
	}
	partition := t.batch.Partition
	if lost := a.memory.Saw(partition, reply[1], id.Before); lost > 0 {
		a.lost.Add(lost)
		a.stream.Log().Error("Redis came back with fewer events than were stored in it",
			"partition", partition, "lost", lost, "holds", id.Before)
	}
	t.epoch, t.after = reply[1], id.After()
}

// noted remembers what a batch brought, once it is as durable as it has to be: what was not confirmed, and then is not
// there, was not lost.
func (a *Appender) noted(t *attempt) {
	if t.after > 0 {
		a.memory.Saw(t.batch.Partition, t.epoch, t.after)
	}
}
