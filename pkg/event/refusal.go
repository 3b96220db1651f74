package event

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// The codes of refusals. Clients code against them, so they stay for ever.
const (
	// CodeInvalidJSON: the frame, or the line, is not JSON in UTF-8, or nests too deep.
	CodeInvalidJSON = "invalid_json"
	// CodeInvalidEvent: it is JSON and breaks a rule of CloudEvents or of this package.
	CodeInvalidEvent = "invalid_event"
	// CodeTooLarge: the frame has more than Limits.FrameBytes, or the event more than Limits.EventBytes.
	CodeTooLarge = "too_large"
	// CodeTooManyEvents: the frame has more than Limits.BatchEvents events.
	CodeTooManyEvents = "too_many_events"

	// The rest are retryable: the same event may be taken later.

	// CodeRateLimited: the sender is over its rate.
	CodeRateLimited = "rate_limited"
	// CodeOverloaded: the buffer is full.
	CodeOverloaded = "overloaded"
	// CodePaused: an operator has paused ingest.
	CodePaused = "paused"
	// CodeUnavailable: the stream can't be written now.
	CodeUnavailable = "unavailable"
	// CodeDropped: the event was dropped to make room for younger ones.
	CodeDropped = "dropped"
)

// Refusal is why an event, or a whole frame, was not taken. It is an error.
type Refusal struct {
	// Code is one of the constants.
	Code string
	// Attribute is the attribute at fault, as the sender named it but at most 64 bytes of it; empty if the fault
	// is not in one.
	Attribute string
	// Message is a sentence for the sender; it names the attribute.
	Message string
	// Retryable says that the same event may be taken later.
	Retryable bool
	// RetryAfter is when it may be tried again, if that is known.
	RetryAfter time.Duration
}

// Refuse returns the refusal of that code, which is retryable if the code is.
func Refuse(code, message string) *Refusal {
	return &Refusal{Code: code, Message: message, Retryable: retryable(code)}
}

// Error returns the code and the message.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

func retryable(code string) bool {
	switch code {
	case CodeRateLimited, CodeOverloaded, CodePaused, CodeUnavailable, CodeDropped:
		return true
	default:
		return false
	}
}

// badAttribute refuses an event for one attribute: fault completes the sentence that begins with its name.
func badAttribute(name, fault string) *Refusal {
	name = clip(name, MaxExtensionName)
	return &Refusal{Code: CodeInvalidEvent, Attribute: name, Message: fmt.Sprintf("attribute %q %s", name, fault)}
}

// clip returns the first n bytes of s, cut between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
