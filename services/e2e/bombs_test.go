package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"millrace.dev/services/e2e/socket"
	"millrace.dev/services/e2e/stack"
)

// bomb is JSON that is made to hurt a decoder.
type bomb struct {
	name, text string
	// code is why it is refused; "": it is odd, and an event all the same.
	code string
	// status is the answer to it as a body.
	status int
	// numbered: as a frame it uses up a number, since it is one event.
	numbered bool
}

func bombs() []bomb {
	const mebibyte = 1 << 20
	event := func(rest string) string { return `{"type":"x",` + rest + `}` }
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, `"x%d":%d,`, i, i)
	}
	escapes := strings.Repeat(`\u0000`, (mebibyte-100)/6)
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	objects := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	return []bomb{
		{"1 MiB of [", strings.Repeat("[", mebibyte), "invalid_json", 400, false},
		{"1 MiB of {", strings.Repeat("{", mebibyte), "invalid_json", 400, false},
		{"arrays, 64 deep with the event", event(`"data":` + nested(63)), "", 202, true},
		{"arrays, 65 deep with the event", event(`"data":` + nested(64)), "invalid_json", 400, false},
		{"objects, 10,000 deep", event(`"data":` + objects), "invalid_json", 400, false},
		{"arrays in an extension", event(`"x":` + nested(10_000)), "invalid_json", 400, false},
		{"1 MiB of escapes", event(`"data":"` + escapes + `"`), "", 202, true},
		{"1 MiB of escapes as a type", `{"type":"` + escapes + `"}`, "invalid_event", 400, true},
		{"1 MiB of escapes as a name", event(`"` + escapes + `":1`), "invalid_event", 400, true},
		{"a byte more than a frame", event(`"data":"` + strings.Repeat("x", mebibyte-21) + `"`), "too_large", 413, false},
		{"1,000,001 events", "[" + strings.Repeat("{},", 1_000_000) + "{}]", "too_large", 413, false},
		{"as many events as a frame holds", "[" + strings.Repeat("{},", mebibyte/3-1) + "{}]", "too_many_events", 413, false},
		{"as many numbers as a frame holds", "[" + strings.Repeat("1,", mebibyte/2-2) + "1]", "too_many_events", 413, false},
		{"1e999999999", event(`"data":1e999999999`), "", 202, true},
		{"a number of 1 MB", event(`"data":` + strings.Repeat("9", 1_000_000)), "", 202, true},
		{"1e999999999 as an extension", event(`"x":1e999999999`), "invalid_event", 400, true},
		{"a number of 1 MB as an extension", event(`"x":` + strings.Repeat("9", 1_000_000)), "invalid_event", 400, true},
		{"a name 10,000 times", event(strings.Repeat(`"x":1,`, 9_999) + `"x":1`), "invalid_event", 400, true},
		{"10,000 extensions", event(strings.TrimSuffix(many.String(), ",")), "invalid_event", 400, true},
		{"no UTF-8", event("\"data\":\"\xff\xfe\""), "invalid_json", 400, false},
		{"half a surrogate in a name", event(`"\ud800":1`), "invalid_event", 400, true},
		{"zeros", strings.Repeat("\x00", mebibyte), "invalid_json", 400, false},
		{"spaces", strings.Repeat(" ", mebibyte), "invalid_json", 400, false},
	}
}

// Whatever JSON comes, it is taken or refused with its code, in bounded memory: as a frame, after which the connection
// goes on, and as a body. A refusal says what is wrong in a sentence, not in a megabyte.
func TestAbuseByJSON(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	calm := s.Steady("calm", gateway, "", nil)
	finish := stack.Crowd{calm}.Begin(calmStep)
	foot := measure(t, gateway)
	ws := open(t, gateway, "", nil)
	number := 0
	for _, b := range bombs() {
		if b.numbered {
			number++
		}
		if told := b.explode(t, ws, number); told.Code != b.code || len(told.Message) > 400 {
			t.Errorf("%s: refused as %q: %.500s; want %q", b.name, told.Code, told.Message, b.code)
		}
		number++ // the ack of a good event after it shows that the connection goes on
		say(t, ws, `{"type":"after"}`)
		ackedUpTo(t, ws, number)
		status, answer := post(t, gateway, "application/json", []byte(b.text))
		code, message := "", ""
		if len(answer.Errors) > 0 {
			code, message = answer.Errors[0].Code, answer.Errors[0].Message
		}
		if status != b.status || code != b.code || len(message) > 400 {
			t.Errorf("%s as a body: %d %q: %.500s; want %d %q", b.name, status, code, message, b.status, b.code)
		}
	}
	t.Logf("who behaves beside it: %v", finish())
	foot.within(200)
	stored, taken := s.Stored().Each(), 0
	for _, b := range bombs() {
		if taken++; b.code == "" {
			taken += 2
		}
	}
	if want := taken + len(calm.Sent()); len(stored) != want {
		t.Errorf("%d events are stored, want %d", len(stored), want)
	}
}

// explode sends a bomb as a frame and returns its refusal; or nothing, once it is acknowledged.
func (b bomb) explode(t *testing.T, ws *socket.Socket, number int) message {
	t.Helper()
	say(t, ws, b.text)
	if b.code == "" {
		ackedUpTo(t, ws, number)
		return message{}
	}
	for {
		if m := hear(t, ws); m.Type == "error" {
			return m
		}
	}
}

func say(t *testing.T, ws *socket.Socket, text string) {
	t.Helper()
	if _, err := ws.Write(socket.Frame(socket.Text, []byte(text))); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, ws *socket.Socket) (m message) {
	t.Helper()
	text, err := ws.Message()
	if err == nil {
		err = json.Unmarshal([]byte(text), &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ackedUpTo reads until event n is acknowledged; none may be refused.
func ackedUpTo(t *testing.T, ws *socket.Socket, n int) {
	t.Helper()
	for {
		switch m := hear(t, ws); {
		case m.Type == "error":
			t.Fatalf("waiting for the ack of %d: %+v", n, m)
		case m.Type == "ack" && m.Seq >= n:
			return
		}
	}
}
