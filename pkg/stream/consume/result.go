package consume

import (
	"slices"

	"millrace.dev/pkg/stream/state"
)

// Result is what became of one event. The zero Result is Done.
type Result struct {
	outcome outcome
	add     state.Add // the first, so that the common case allocates nothing
	rest    *details
}

type details struct {
	err  error
	adds []state.Add // the others
}

type outcome uint8

const (
	processed outcome = iota
	filtered
	dead
)

// Done says that the event is handled, and what it adds to the pipeline's state.
func Done(adds ...state.Add) Result {
	var r Result
	if len(adds) > 0 {
		r.add = adds[0]
	}
	if len(adds) > 1 {
		r.rest = &details{adds: slices.Clone(adds[1:])}
	}
	return r
}

// Filtered says that the pipeline chose to pass over the event.
func Filtered() Result { return Result{outcome: filtered} }

// Dead says that the event can never be handled; it goes to the dead letters with the error.
func Dead(err error) Result { return Result{outcome: dead, rest: &details{err: err}} }

// Every returns n times the same result.
func Every(n int, r Result) []Result { return slices.Repeat([]Result{r}, n) }
