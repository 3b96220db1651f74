package gateway

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millrace.dev/pkg/event"
)

// Codes of errors, here under short names; clients may rely on them for ever.
const (
	codeOverloaded  = event.CodeOverloaded
	codeUnavailable = event.CodeUnavailable
)

// helpPage is where a client's author reads what a code means.
const helpPage = "docs/protocol.md#"

// hello is the first message of a connection.
type hello struct {
	session     string
	next, last  uint64
	resumed     bool
	incarnation string
	heartbeat   time.Duration
	limits      event.Limits
	durability  string
}

func (h hello) append(b []byte) []byte {
	b = append(b, `{"type":"hello","session":`...)
	b = appendText(b, h.session)
	b = strconv.AppendUint(append(b, `,"next":`...), h.next, 10)
	b = strconv.AppendUint(append(b, `,"last":`...), h.last, 10)
	b = strconv.AppendBool(append(b, `,"resumed":`...), h.resumed)
	b = appendText(append(b, `,"incarnation":`...), h.incarnation)
	b = strconv.AppendInt(append(b, `,"heartbeat_ms":`...), h.heartbeat.Milliseconds(), 10)
	b = strconv.AppendInt(append(b, `,"max_frame_bytes":`...), int64(h.limits.FrameBytes), 10)
	b = strconv.AppendInt(append(b, `,"max_batch":`...), int64(h.limits.BatchEvents), 10)
	b = appendText(append(b, `,"durability":`...), h.durability)
	return append(b, '}')
}

// appendAck says that every event up to n is decided.
func appendAck(b []byte, n uint64) []byte {
	b = strconv.AppendUint(append(b, `{"type":"ack","seq":`...), n, 10)
	return append(b, '}')
}

// errorMessage says that event n was refused; n is 0 for a frame that was refused whole.
func errorMessage(n uint64, r *event.Refusal) []byte {
	b := append(make([]byte, 0, 256), `{"type":"error"`...)
	if n > 0 {
		b = strconv.AppendUint(append(b, `,"seq":`...), n, 10)
	}
	b = appendText(append(b, `,"code":`...), r.Code)
	b = appendText(append(b, `,"message":`...), r.Message)
	b = strconv.AppendBool(append(b, `,"retryable":`...), r.Retryable)
	if r.Retryable {
		b = strconv.AppendInt(append(b, `,"retry_after_ms":`...), retryAfter(r).Milliseconds(), 10)
	}
	b = appendText(append(b, `,"help":`...), helpPage+r.Code)
	return append(b, '}')
}

// retryAfter is when something that was refused for now may be tried again, in whole milliseconds.
func retryAfter(r *event.Refusal) time.Duration {
	if r.RetryAfter == 0 {
		return tryAgain
	}
	return (r.RetryAfter + time.Millisecond - 1).Truncate(time.Millisecond)
}

// appendSlow tells a named session that nothing is read for now, and why.
func appendSlow(b []byte, code string) []byte {
	b = appendText(append(b, `{"type":"slow","code":`...), code)
	return append(b, '}')
}

// appendDraining says that this gateway is going away.
func appendDraining(b []byte, after time.Duration) []byte {
	b = strconv.AppendInt(append(b, `{"type":"draining","reconnect_after_ms":`...), after.Milliseconds(), 10)
	return append(b, '}')
}

// Messages without figures.
var (
	messageGo   = []byte(`{"type":"go"}`)
	messagePing = []byte(`{"type":"ping"}`)
	messagePong = []byte(`{"type":"pong"}`)
)

// appendText appends a JSON string. What is not UTF-8 is replaced, so the message stays valid.
func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}
