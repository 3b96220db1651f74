// Package ledger is the book-keeping of the stream: what came in must be somewhere. It is pure: values in,
// values out, no imports of ours.
package ledger

import "maps"

// Ledger is the account of one partition, or the sum of several.
type Ledger struct {
	// Accepted counts the events appended; Bytes those of their batches.
	Accepted, Bytes uint64
	// Duplicates counts events of resends that were recognised: a lower bound.
	Duplicates uint64
	// Trimmed counts the events cut off the old end of the stream.
	Trimmed uint64
	// Pipelines holds the account of each registered pipeline.
	Pipelines map[string]Account
}

// Account is what became of the events of a stream in one pipeline. All but the last three only grow.
type Account struct {
	// Baseline had been trimmed before the group began.
	Baseline uint64
	// Replayed was read again after the group was recreated; Redriven came back from the dead letters.
	Replayed, Redriven uint64
	// Processed, Filtered and Dead are the ends that an event can come to.
	Processed, Filtered, Dead uint64
	// Retried counts tries that did not settle their event.
	Retried uint64
	// Skipped was unread when the pipeline was forgotten.
	Skipped uint64
	// Unread, Working and Waiting are what is pending, each counted on its own: not read yet, delivered and
	// not settled, waiting for a retry.
	Unread, Working, Waiting uint64
	// Uncounted entries were delivered and not settled, and were too many to count their events into Working.
	Uncounted uint64
}

// Pending is what has not come to an end yet.
func (a Account) Pending() uint64 { return a.Unread + a.Working + a.Waiting }

// Missing returns how many events the account of a pipeline lacks: 0, or lost (positive), or counted twice
// (negative). For an unknown pipeline it is 0. Where entries were not counted it is what is missing for certain; Known
// says whether a 0 means that nothing is.
func (l Ledger) Missing(pipeline string) int64 {
	a, ok := l.Pipelines[pipeline]
	if !ok {
		return 0
	}
	in := int64(l.Accepted) - int64(a.Baseline) + int64(a.Replayed) + int64(a.Redriven)
	out := int64(a.Processed) + int64(a.Filtered) + int64(a.Dead) + int64(a.Skipped) + int64(a.Pending())
	return certain(in-out, a.Uncounted)
}

// Known says whether all that is pending in a pipeline was counted, so that Missing is the whole truth.
func (l Ledger) Known(pipeline string) bool { return l.Pipelines[pipeline].Uncounted == 0 }

// mostInEntry is how many events an entry holds at most.
const mostInEntry = 1000

// certain is what a difference says when up to 1,000 events are in each entry that was not counted, and at least one.
func certain(missing int64, uncounted uint64) int64 {
	least, most := int64(uncounted), mostInEntry*int64(uncounted)
	switch {
	case missing < least:
		return missing - least
	case missing > most:
		return missing - most
	}
	return 0
}

// Sum adds up the ledgers of several partitions.
func Sum(partitions ...Ledger) Ledger {
	total := Ledger{Pipelines: map[string]Account{}}
	for _, l := range partitions {
		total.Accepted += l.Accepted
		total.Bytes += l.Bytes
		total.Duplicates += l.Duplicates
		total.Trimmed += l.Trimmed
		for name, a := range l.Pipelines {
			total.Pipelines[name] = total.Pipelines[name].plus(a)
		}
	}
	return total
}

// Clone returns a copy that shares nothing with l.
func (l Ledger) Clone() Ledger {
	l.Pipelines = maps.Clone(l.Pipelines)
	return l
}

func (a Account) plus(b Account) Account {
	return Account{
		Baseline: a.Baseline + b.Baseline, Replayed: a.Replayed + b.Replayed, Redriven: a.Redriven + b.Redriven,
		Processed: a.Processed + b.Processed, Filtered: a.Filtered + b.Filtered, Dead: a.Dead + b.Dead,
		Retried: a.Retried + b.Retried, Skipped: a.Skipped + b.Skipped,
		Unread: a.Unread + b.Unread, Working: a.Working + b.Working, Waiting: a.Waiting + b.Waiting,
		Uncounted: a.Uncounted + b.Uncounted,
	}
}
