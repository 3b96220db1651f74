package client

import (
	"errors"
	"fmt"
)

// Errors that end a session. What was not decided by then may be stored or not.
var (
	// ErrRefused: the gateway will not have this session, by an answer to the handshake or a close code that forbids to
	// reconnect. The error says why. Sending the same again would end the same.
	ErrRefused = errors.New("the gateway refuses this session")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("the client is closed")
)

// Refusal is an event that is not stored, and never will be.
type Refusal struct {
	// Number of the event in the session, from 1; 0 if it was refused here and never sent.
	Number uint64
	// Index is its place, from 0, among the events that were given at once: to Send, or in a frame.
	Index int
	// Code is one of the protocol's, for ever the same: invalid_event, too_large, … Message is a sentence for people,
	// and Help says where to read more. The gateway's are cut where they are unreasonably long.
	Code, Message, Help string
	// Retryable says that the same might be taken later. No gateway says so to a session that resumes, as these do.
	Retryable bool
}

// Error is the code and the message.
func (r *Refusal) Error() string {
	if r.Number == 0 {
		return fmt.Sprintf("not sent: %s: %s", r.Code, r.Message)
	}
	return fmt.Sprintf("event %d was refused: %s: %s", r.Number, r.Code, r.Message)
}

// Refusals are the events of a frame, or of a Send, that were refused; the others are stored. As an error it unwraps to
// each of them: errors.As with a *Refusal finds the first.
type Refusals []Refusal

// Error is the first refusal, and how many there are.
func (r Refusals) Error() string {
	if len(r) == 1 {
		return r[0].Error()
	}
	return fmt.Sprintf("%d events were refused; the first: %v", len(r), r[0].Error())
}

// Unwrap returns every refusal.
func (r Refusals) Unwrap() []error {
	all := make([]error, len(r))
	for i := range r {
		all[i] = &r[i]
	}
	return all
}

// Loss is knowledge that is gone: the gateway has forgotten the session, or the stream was made anew. What is sent
// again may be stored twice, and what was acknowledged may be gone.
type Loss struct {
	// Session is the beginning of the session's id, to find it by; the whole is a secret.
	Session string
	// From and To are the numbers of the first and last event that had been sent before and are sent again. If nothing
	// is, From is To+1.
	From, To uint64
	// Renewed: the stream was made anew. If not, the gateway just did not know the session.
	Renewed bool
}

// String is a sentence for people.
func (l Loss) String() string {
	why := "is forgotten"
	if l.Renewed {
		why = "began in a stream that is gone"
	}
	again := "nothing is sent again"
	if l.From <= l.To {
		again = fmt.Sprintf("events %d to %d may be stored twice", l.From, l.To)
	}
	return fmt.Sprintf("session %s… %s: %s", l.Session, why, again)
}
