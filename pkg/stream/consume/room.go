package consume

// room bounds what is in flight in one partition: not more than the handlers get through while the next is read and
// the last is settled, so that a slow worker leaves the rest to the others; and not more bytes than fit in memory.
type room struct {
	most, used size
}

// size of entries.
type size struct{ entries, events, bytes int }

// mostBytes is the most that a pipeline holds in flight in one process, over all partitions.
const mostBytes = 64 << 20

// mostEntries is the most that is asked for in one read: an entry may have 256 KiB.
const mostEntries = 128

// roomFor shares the room of a pipeline among its partitions. Four batches a handler: one in its hands, one that
// gathers, one being read and one being settled. So it grows and shrinks with the handlers; the bytes do not.
func roomFor(c Config, handlers, partitions int) room {
	return room{most: size{
		events: max(1, 4*c.BatchEvents*handlers/partitions),
		bytes:  mostBytes / partitions,
	}}
}

func (r *room) any() bool { return r.used.events < r.most.events && r.used.bytes < r.most.bytes }

func (r *room) take(e *entry) { r.change(e, 1) }
func (r *room) give(e *entry) { r.change(e, -1) }

func (r *room) change(e *entry, sign int) {
	r.used.entries += sign
	r.used.events += sign * e.count
	r.used.bytes += sign * len(e.body)
}

// entries is how many entries of a typical size there is room for: at least one.
func (r *room) entries(typical size) int {
	byEvents := (r.most.events - r.used.events) * typical.entries / max(1, typical.events)
	byBytes := (r.most.bytes - r.used.bytes) * typical.entries / max(1, typical.bytes)
	return max(1, min(byEvents, byBytes, mostEntries))
}

// overdraft is how many events may be taken over from a dead worker. It has a room of its own of the same size:
// readers fill the first one as fast as it empties.
func (r *room) overdraft() int {
	if r.used.bytes >= 2*r.most.bytes {
		return 0
	}
	return max(0, 2*r.most.events-r.used.events)
}
