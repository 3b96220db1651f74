package client

import "time"

// Frame is what PublishFrame was given: the JSON of one event, or of an array of events.
type Frame struct {
	// JSON of the frame.
	JSON []byte
	// Events in it.
	Events int
	// First is the number of its first event in the session.
	First uint64
	// Queued is when it was published: latencies are measured from here, the wait for room not included.
	Queued time.Time
}

func (f *Frame) last() uint64 { return f.First + uint64(f.Events) - 1 }

// entry is a frame that is not decided, or a single event, which goes in an array with those beside it.
type entry struct {
	Frame
	framed bool
	// one or whole is the callback, if there is one.
	one      func(error)
	whole    func(Frame, error)
	refusals Refusals // those of the connection that is up, and of what is acknowledged
}

// refuse notes that an event of it was refused, once.
func (e *entry) refuse(r Refusal) {
	for i := range e.refusals {
		if e.refusals[i].Number == r.Number {
			return
		}
	}
	r.Index = int(r.Number - e.First)
	e.refusals = append(e.refusals, r)
}

// refused counts its refusals from one number to another.
func (e *entry) refused(from, to uint64) (n uint64) {
	for i := range e.refusals {
		if number := e.refusals[i].Number; number >= from && number <= to {
			n++
		}
	}
	return n
}

// forget drops the refusals that are not acknowledged: what is sent again is decided anew.
func (e *entry) forget(acked uint64) {
	var kept Refusals
	for _, r := range e.refusals {
		if r.Number <= acked {
			kept = append(kept, r)
		}
	}
	e.refusals = kept
}

// decide calls back: every event is decided.
func (e *entry) decide() {
	switch {
	case len(e.refusals) == 0:
		e.finish(nil)
	case e.whole != nil:
		e.whole(e.Frame, e.refusals)
	case e.one != nil:
		e.one(&e.refusals[0])
	}
}

// finish calls back with the same for every event.
func (e *entry) finish(err error) {
	switch {
	case e.whole != nil:
		e.whole(e.Frame, err)
	case e.one != nil:
		e.one(err)
	}
}
