package client

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/event"
)

func idle(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{URL: "ws://x"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEncode(t *testing.T) {
	type order struct {
		N int `json:"n"`
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.FixedZone("", 3600))
	for name, is := range map[string]struct {
		event Event
		want  string
	}{
		"least": {Event{Type: "t", ID: "1"}, `{"specversion":"1.0","id":"1","type":"t"}`},
		"all": {Event{Type: "t", ID: "1", Source: "/s", Subject: "x", Time: at, PartitionKey: "k", DataContentType: "text/plain",
			DataSchema: "urn:x", Data: "a<b", Extensions: map[string]any{"b": true, "a": "text", "n": -7, "m": int32(math.MaxInt32)}},
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"x","time":"2026-01-02T02:04:05.6Z",` +
				`"datacontenttype":"text/plain","dataschema":"urn:x","partitionkey":"k","a":"text","b":true,"m":2147483647,"n":-7,"data":"a<b"}`},
		"struct":    {Event{Type: "t", ID: "1", Data: order{7}}, `{"specversion":"1.0","id":"1","type":"t","data":{"n":7}}`},
		"raw":       {Event{Type: "t", ID: "1", Data: json.RawMessage(`{"a": 1, "a":2}`)}, `{"specversion":"1.0","id":"1","type":"t","data":{"a": 1, "a":2}}`},
		"null":      {Event{Type: "t", ID: "1", Data: json.RawMessage(`null`)}, `{"specversion":"1.0","id":"1","type":"t","data":null}`},
		"bytes":     {Event{Type: "t", ID: "1", Data: []byte{0, 255}}, `{"specversion":"1.0","id":"1","type":"t","data_base64":"AP8="}`},
		"no bytes":  {Event{Type: "t", ID: "1", Data: []byte{}}, `{"specversion":"1.0","id":"1","type":"t","data_base64":""}`},
		"ping data": {Event{Type: "ping", ID: "1", Data: 1}, `{"specversion":"1.0","id":"1","type":"ping","data":1}`},
	} {
		b, err := idle(t).encode(&is.event)
		if err != nil || string(b) != is.want {
			t.Errorf("%s: %s (%v)\nwant %s", name, b, err, is.want)
		}
		var f event.Frame
		if err := f.DecodeJSON(b, event.DefaultLimits()); err != nil || f.Events[0].Refused != nil || f.Events[0].Control != event.None {
			t.Errorf("%s: a gateway says %v, %+v", name, err, f.Events)
		}
	}
}

// Events without an id get one that stays when they are sent again.
func TestIDsAreMade(t *testing.T) {
	c, seen := idle(t), map[string]bool{}
	for range 100 {
		b, err := c.encode(&Event{Type: "t"})
		var e struct{ ID string }
		if err != nil || json.Unmarshal(b, &e) != nil || len(e.ID) != 36 || seen[e.ID] {
			t.Fatalf("%s: %v", b, err)
		}
		seen[e.ID] = true
	}
}

// What would spoil its neighbours or the session is refused here; what is only invalid is the gateway's to refuse.
func TestWhatIsNotSent(t *testing.T) {
	for name, is := range map[string]struct {
		event Event
		code  string // of the refusal; empty: another error
	}{
		"too large":        {Event{Type: "t", Data: make([]byte, 1<<20)}, "too_large"},
		"too deep":         {Event{Type: "t", Data: json.RawMessage(strings.Repeat("[", 70) + strings.Repeat("]", 70))}, "invalid_json"},
		"not UTF-8":        {Event{Type: "t", Data: json.RawMessage("\"\xff\"")}, "invalid_json"},
		"raw garbage":      {Event{Type: "t", Data: json.RawMessage("{")}, ""},
		"raw nothing":      {Event{Type: "t", Data: json.RawMessage("")}, ""},
		"raw with members": {Event{Type: "t", Data: json.RawMessage(`1,"partitionkey":"k"`)}, ""},
		"a channel":        {Event{Type: "t", Data: make(chan int)}, ""},
		"an extension":     {Event{Type: "t", Extensions: map[string]any{"x": 1.5}}, ""},
		"a long integer":   {Event{Type: "t", Extensions: map[string]any{"x": math.MaxInt32 + 1}}, ""},
	} {
		c := idle(t)
		called := false
		err := c.Publish(t.Context(), is.event, func(error) { called = true })
		r, refused := errors.AsType[*Refusal](err)
		if err == nil || called || refused != (is.code != "") || refused && (r.Code != is.code || r.Number != 0) {
			t.Errorf("%s: %v", name, err)
		}
		err = c.Send(t.Context(), Event{Type: "t"}, is.event)
		if err == nil || !strings.Contains(err.Error(), "event 2 of 2") {
			t.Errorf("%s: sending returns %v", name, err)
		}
		if r, ok := errors.AsType[*Refusal](err); ok && r.Index != 1 {
			t.Errorf("%s: the refusal is %+v", name, r)
		}
		if published, _ := c.Totals(); published != 0 {
			t.Errorf("%s: %d events were taken", name, published)
		}
	}
	for name, e := range map[string]Event{
		"no type":           {},
		"attribute twice":   {Type: "t", Extensions: map[string]any{"type": "u"}},
		"bad name":          {Type: "t", Extensions: map[string]any{`A"`: "u"}},
		"control character": {Type: "t", Subject: "\n"},
		"not UTF-8":         {Type: "t\xff"},
	} {
		if b, err := idle(t).encode(&e); err != nil || !json.Valid(b) {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}

// A heartbeat has no number: all events after it would be taken for others.
func TestHeartbeatsAreNotEvents(t *testing.T) {
	if err := travels([]byte(`{"type":"ping"}`)); err == nil {
		t.Error("a heartbeat is sent as an event")
	}
}
