package produce

// Batch is one append: events of several producers for one partition.
type Batch struct {
	Partition int
	Parts     []Part
	// Stored says what became of it; Append sets it.
	Stored Stored
}

// Part is what one producer adds to a batch. It is atomic: a script cannot cut bytes, the Appender can.
type Part struct {
	// Session of the producer, or nil: anonymous, all of a gateway together.
	Session *Session
	// Events in Bytes.
	Events int
	// Numbers of the events within their session, ascending; gaps are events that went to other partitions
	// or were refused. Anonymous parts have none.
	Numbers []uint64
	// Ends is where each event ends in Bytes, so that what is stored already can be cut off. Anonymous parts
	// have none.
	Ends []int
	// Bytes are members of an EventBatch.
	Bytes []byte
}

// Stored says what became of a batch.
type Stored struct {
	// Done: the outcome of every event is known. Only then do the other fields mean something.
	Done bool
	// Accepted events were stored by this append, Duplicates had been stored before.
	Accepted, Duplicates int
}

// Events counts the events of a batch.
func (b *Batch) Events() int {
	n := 0
	for i := range b.Parts {
		n += b.Parts[i].Events
	}
	return n
}

// Add adds an event to a named session's part.
func (p *Part) Add(number uint64, end int) {
	p.Events++
	p.Numbers = append(p.Numbers, number)
	p.Ends = append(p.Ends, end)
}

// Reset empties a part for use by s and keeps its memory.
func (p *Part) Reset(s *Session) {
	*p = Part{Session: s, Numbers: p.Numbers[:0], Ends: p.Ends[:0], Bytes: p.Bytes[:0]}
}
