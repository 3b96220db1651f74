package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"millrace.dev/services/e2e/stack"
)

// badFrames are frames that are refused whole, with the code that says why and the close code of a named session.
func badFrames() map[string]struct {
	kind  websocket.MessageType
	frame string
	code  string
	close websocket.StatusCode
} {
	type bad = struct {
		kind  websocket.MessageType
		frame string
		code  string
		close websocket.StatusCode
	}
	text := websocket.MessageText
	return map[string]bad{
		"malformed":    {text, `{"type":"x","data":`, "invalid_json", 1007},
		"no json":      {text, `hello`, "invalid_json", 1007},
		"empty":        {text, ``, "invalid_json", 1007},
		"after it":     {text, `{"type":"x"} {"type":"y"}`, "invalid_json", 1007},
		"nested":       {text, strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "invalid_json", 1007},
		"deep data":    {text, `{"type":"x","data":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, "invalid_json", 1007},
		"2 MB":         {text, `{"type":"x","data":"` + strings.Repeat("a", 2<<20) + `"}`, "too_large", 1009},
		"1,001 events": {text, "[" + strings.Repeat(`{"type":"x"},`, 1000) + `{"type":"x"}]`, "too_many_events", 1009},
		"binary":       {websocket.MessageBinary, "\x00\xff\xfe\x01garbage", "invalid_json", 1003},
	}
}

// Whatever a client sends, it is told what is wrong with it, and valid events around it are stored.
func TestBadFramesAreRefusedBetweenGoodOnes(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	var ids []string
	for name, bad := range badFrames() {
		sender := "around " + name
		p := connect(t, gateway, "")
		p.say(string(stack.Events(sender, 1, 1)))
		p.acked(1)
		p.sayAs(bad.kind, []byte(bad.frame))
		if m := p.hear(); m.Type != "error" || m.Code != bad.code || m.Seq != 0 || m.Message == "" || m.Retryable {
			t.Errorf("%s: the gateway says %+v, want %s", name, m, bad.code)
		}
		p.say(string(stack.Events(sender, 2, 3)))
		if refused := p.acked(3); len(refused) > 0 {
			t.Errorf("%s: events after it were refused: %+v", name, refused)
		}
		ids = append(ids, stack.ID(sender, 1), stack.ID(sender, 2), stack.ID(sender, 3))
	}
	s.Stored().Exactly(ids)
}

// A named session would send the same again: it is closed with a code that forbids to reconnect.
func TestBadFramesEndANamedSession(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	var ids []string
	for name, bad := range badFrames() {
		sender := "before " + name
		p := connect(t, gateway, "?next=1&session="+strings.ReplaceAll(fmt.Sprintf("%-30s", name), " ", "-"))
		p.say(string(stack.Events(sender, 1, 2)))
		p.sayAs(bad.kind, []byte(bad.frame))
		code, heard := p.ended()
		told := slices.ContainsFunc(heard, func(m message) bool { return m.Type == "error" && m.Code == bad.code })
		if code != bad.close || !told || heard[len(heard)-1].Type != "ack" && heard[len(heard)-2].Type != "ack" {
			t.Errorf("%s: closed with %d after %+v, want %s and %d", name, code, heard, bad.code, bad.close)
		}
		ids = append(ids, stack.ID(sender, 1), stack.ID(sender, 2))
	}
	s.Stored().Exactly(ids)
}

// badEvents are refused one by one, with the attribute that is wrong.
func badEvents() map[string]string {
	return map[string]string{
		`{"data":{"value":42}}`:                       "type",
		`{"type":""}`:                                 "type",
		`{"type":7}`:                                  "type",
		`{"type":"x","id":""}`:                        "id",
		`{"type":"x","specversion":"0.3"}`:            "specversion",
		`{"type":"x","time":"yesterday"}`:             "time",
		`{"type":"x","data":1,"data_base64":"AAEC"}`:  "data_base64",
		`{"type":"x","data_base64":"not base64 !"}`:   "data_base64",
		`{"type":"x","type":"y"}`:                     "type",
		`{"type":"x","Not-A-Name":"1"}`:               "Not-A-Name",
		`{"type":"x","partitionkey":{"not":"a key"}}`: "partitionkey",
	}
}

// An invalid event in an array has its own number and its own error; its neighbours are stored.
func TestBadEventsDoNotSpoilTheirNeighbours(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	p := connect(t, gateway, "")
	var ids []string
	number := 0
	for bad, attribute := range badEvents() {
		good := string(stack.Events("good", len(ids)+1, len(ids)+1))
		more := string(stack.Events("good", len(ids)+2, len(ids)+2))
		ids = append(ids, stack.ID("good", len(ids)+1), stack.ID("good", len(ids)+2))
		p.say("[" + good + "," + bad + "," + more + "]")
		refused := p.acked(number + 3)
		if len(refused) != 1 || refused[0].Seq != number+2 || refused[0].Code != "invalid_event" || !strings.Contains(refused[0].Message, `"`+attribute+`"`) {
			t.Errorf("%s: refused %+v, want one error for event %d about %q", bad, refused, number+2, attribute)
		}
		number += 3
	}
	s.Stored().Exactly(ids)
}

// Bytes that are not UTF-8 in a text frame are refused; whoever sends them breaks the protocol.
func TestInvalidUTF8(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	p := connect(t, gateway, "")
	p.say(string(stack.Events("before", 1, 1)))
	p.acked(1)
	p.say("{\"type\":\"x\",\"data\":\"\xff\xfe\"}")
	if m := p.hear(); m.Type != "error" || m.Code != "invalid_json" {
		t.Errorf("the gateway says %+v", m)
	}
	p.say(string(stack.Events("before", 2, 2)))
	p.acked(2)
	if status, answer := post(t, gateway, "application/json", []byte("{\"type\":\"\xff\"}")); status != 400 || len(answer.Errors) != 1 || answer.Errors[0].Code != "invalid_json" {
		t.Errorf("by HTTP: %d %+v", status, answer)
	}
	s.Stored().Exactly([]string{stack.ID("before", 1), stack.ID("before", 2)})
}

// A peer that never finishes its handshake is cut off, and holds up nobody.
func TestSlowHandshake(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	slow, err := net.Dial("tcp", gateway.Addr("http"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := slow.Write([]byte("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso")); err != nil {
		t.Fatal(err)
	}
	p := connect(t, gateway, "")
	p.say(string(stack.Events("meanwhile", 1, 3)))
	p.acked(3)
	s.Stored().Exactly([]string{stack.ID("meanwhile", 1), stack.ID("meanwhile", 2), stack.ID("meanwhile", 3)})
	// The gateway's limit for a header is 10 s; it ends the connection, with or without a word.
	if n, err := slow.Read(make([]byte, 512)); err == nil {
		if _, err = slow.Read(make([]byte, 512)); err == nil {
			t.Errorf("the gateway said %d bytes and more", n)
		}
	}
}
