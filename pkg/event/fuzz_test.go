package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	millracev1 "millrace.dev/proto/gen/millrace/v1"
)

// fuzzLimits are small, so that small inputs reach them.
var fuzzLimits = Limits{FrameBytes: 4096, EventBytes: 512, BatchEvents: 8, Depth: 6}

func addFrames(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `[]`, `[1,{"type":"a"}]`, `{"type":"a","data":{"b":[1,"\ud800"]}}`, `{"type":"ping"}`,
		`[{"type":"a","data_base64":"AAEC","x":true},{"type":"b","id":"1","time":"2024-01-01T00:00:00Z","n":-5}]`,
		`{"\u0074ype":"\u0061","type":"b"}`, "{\"type\":\"a\"}\n\n{\"type\":\"b\"}\r\n{", "{\"type\":\"\xff\"}",
		strings.Repeat("[", 100), `{"type":"a","data":[[[[[[[]]]]]]]}`, `{"type":"a"} {"type":"b"}`, `{"type":"a","x":null,"x":1}`,
		`[` + strings.Repeat(`{"type":"a"},`, 8) + `{"type":"a"}]`, `{"type":"a","data":"` + strings.Repeat("x", 600) + `"}`,
	} {
		f.Add([]byte(s))
	}
}

func FuzzDecodeJSON(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var frame Frame
		err := frame.DecodeJSON(b, fuzzLimits)
		isJSON := utf8.Valid(b) && json.Valid(b)
		if err != nil {
			checkRefusedFrame(t, &frame, err, isJSON, b)
			return
		}
		if !isJSON {
			t.Fatalf("%q is not JSON, and is taken", b)
		}
		for i := range frame.Events {
			checkSpan(t, &frame.Events[i], b)
		}
	})
}

func checkRefusedFrame(t *testing.T, f *Frame, err error, isJSON bool, b []byte) {
	var r *Refusal
	if !errors.As(err, &r) || len(f.Events) != 0 {
		t.Fatalf("%q: %v, %d events are left", b, err, len(f.Events))
	}
	if isJSON && r.Code == CodeInvalidJSON && depth(b) <= fuzzLimits.Depth {
		t.Fatalf("%q is JSON, and is refused: %v", b, r)
	}
}

func FuzzDecodeNDJSON(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var frame Frame
		if err := frame.DecodeNDJSON(b, fuzzLimits); err != nil {
			checkRefusedFrame(t, &frame, err, false, b)
			return
		}
		n := 0
		for line := range bytes.Lines(b) {
			if line = bytes.Trim(line, " \t\r\n"); len(line) == 0 {
				continue
			}
			s := &frame.Events[n]
			n++
			if !bytes.Equal(s.Raw, line) && s.Valid() {
				t.Fatalf("line %q is taken as %q", line, s.Raw)
			}
			if refusedAsJSON(s) && utf8.Valid(line) && json.Valid(line) && depth(line) <= fuzzLimits.Depth {
				t.Fatalf("line %q is JSON, and is refused: %v", line, s.Refused)
			}
			if !refusedAsJSON(s) && !(utf8.Valid(line) && json.Valid(line)) {
				t.Fatalf("line %q is not JSON: %v", line, s.Refused)
			}
			checkSpan(t, s, line)
		}
		if n != len(frame.Events) {
			t.Fatalf("%d lines are %d events", n, len(frame.Events))
		}
	})
}

func refusedAsJSON(s *Span) bool { return s.Refused != nil && s.Refused.Code == CodeInvalidJSON }

// checkSpan takes a span through everything that follows it, and compares with what encoding/json reads.
func checkSpan(t *testing.T, s *Span, frame []byte) {
	if !bytes.Contains(frame, s.Raw) {
		t.Fatalf("%q is not in the frame", s.Raw)
	}
	if s.Refused != nil && (s.Refused.Message == "" || !utf8.ValidString(s.Refused.Message) || s.Control != None) {
		t.Fatalf("%q is refused with %+v", s.Raw, s.Refused)
	}
	if !s.Valid() {
		return
	}
	batch, event := AppendMember(nil, s, &Defaults{Source: "/fuzz", Received: arrival}), new(millracev1.EventBatch)
	if err := proto.Unmarshal(batch, event); err != nil || len(event.Events) != 1 {
		t.Fatalf("%q is stored as %x: %v", s.Raw, batch, err)
	}
	agree(t, batch)
	checkStored(t, s, event.Events[0])
}

func checkStored(t *testing.T, s *Span, e *millracev1.Event) {
	var sent struct {
		Type *string         `json:"type"`
		ID   *string         `json:"id"`
		Data json.RawMessage `json:"data"`
	}
	members := map[string]json.RawMessage{} // unlike a struct, a map tells `type` from `Type`
	if err := json.Unmarshal(s.Raw, &members); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(members["type"], &sent.Type)
	if sent.Type == nil || *sent.Type != e.Type || e.Id == "" || e.Source == "" || e.Time == "" {
		t.Fatalf("%q is stored as %v", s.Raw, e)
	}
	if !bytes.Equal(members["data"], e.GetData()) {
		t.Fatalf("%q is stored with data %q", s.Raw, e.GetData())
	}
}

func FuzzDecodeBatch(f *testing.F) {
	for _, b := range odd() {
		f.Add(b)
	}
	f.Add(AppendVersion(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		agree(t, b)
		events, _ := DecodeBatch(nil, string(b))
		for i := range events {
			if e := &events[i]; e.Data == nil && !json.Valid(e.AppendJSON(nil)) {
				t.Fatalf("%x: event %d is written as %s", b, i, e.AppendJSON(nil))
			}
		}
	})
}

// depth is how deep an event nests; the array around events does not count.
func depth(b []byte) int {
	level, most := 0, 0
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			level++
			most = max(most, level)
		case json.Delim(']'), json.Delim('}'):
			level--
		}
	}
	if trimmed := bytes.TrimLeft(b, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		most--
	}
	return most
}
