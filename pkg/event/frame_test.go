package event

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// refusal returns err as the Refusal that it must be.
func refusal(t *testing.T, err error) *Refusal {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error is %v, want a *Refusal", err)
	}
	return r
}

func decode(t *testing.T, text string) []Span {
	t.Helper()
	var f Frame
	if err := f.DecodeJSON([]byte(text), DefaultLimits()); err != nil {
		t.Fatalf("DecodeJSON(%.100s): %v", text, err)
	}
	return f.Events
}

func TestFrameRefusedWhole(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, c := range map[string]struct{ frame, code, message string }{
		"empty":               {"", CodeInvalidJSON, "no JSON value"},
		"blank":               {" \n", CodeInvalidJSON, "no JSON value"},
		"garbage":             {"\x00\x01\x02", CodeInvalidJSON, "not JSON at byte 0"},
		"not UTF-8":           {"{\"type\":\"a\xff\"}", CodeInvalidJSON, "not UTF-8"},
		"not UTF-8 in data":   {"{\"type\":\"a\",\"data\":\"\xc3\"}", CodeInvalidJSON, "not UTF-8"},
		"byte order mark":     {"\ufeff{\"type\":\"a\"}", CodeInvalidJSON, "byte 0"},
		"cut off":             {`{"type":"a"`, CodeInvalidJSON, "ends early"},
		"cut off in an array": {`[{"type":"a"},`, CodeInvalidJSON, "ends early"},
		"trailing comma":      {`[{"type":"a"},]`, CodeInvalidJSON, "not JSON at byte"},
		"trailing garbage":    {`{"type":"a"}x`, CodeInvalidJSON, "not JSON at byte 12"},
		"two values":          {`{"type":"a"}{"type":"b"}`, CodeInvalidJSON, "more follows"},
		"closing bracket":     {`]`, CodeInvalidJSON, "not JSON"},
		"single quotes":       {`{'type':'a'}`, CodeInvalidJSON, "not JSON at byte 1"},
		"leading zero":        {`{"type":"a","data":01}`, CodeInvalidJSON, "not JSON"},
		"NaN":                 {`{"type":"a","data":NaN}`, CodeInvalidJSON, "not JSON"},
		"control character":   {"{\"type\":\"a\",\"data\":\"\n\"}", CodeInvalidJSON, "not JSON"},
		"bad escape":          {`{"type":"a","data":"\x"}`, CodeInvalidJSON, "not JSON"},
		"name is no string":   {`{1:2}`, CodeInvalidJSON, "not JSON"},
		"name is an array":    {`{` + deep(70) + `:2}`, CodeInvalidJSON, "nest deeper than 64"},
		"breaks at the end":   {`[` + strings.Repeat(`{"type":"a"},`, 900) + `{"type"]`, CodeInvalidJSON, "not JSON"},
		"100,000 arrays":      {deep(100_000), CodeInvalidJSON, "nest deeper than 64"},
		"100,000 unclosed":    {strings.Repeat("[", 100_000), CodeInvalidJSON, "nest deeper than 64"},
		"100,000 objects":     {strings.Repeat(`{"a":`, 100_000), CodeInvalidJSON, "nest deeper than 64"},
		"deep data":           {`{"type":"a","data":` + deep(64) + `}`, CodeInvalidJSON, "nest deeper than 64"},
		"deep extension":      {`{"type":"a","x":` + deep(64) + `}`, CodeInvalidJSON, "nest deeper than 64"},
		"deep element":        {`[` + deep(65) + `]`, CodeInvalidJSON, "nest deeper than 64"},
		"2 MB":                {`{"type":"a","data":"` + strings.Repeat("x", 2<<20) + `"}`, CodeTooLarge, "at most 1048576"},
		"1,001 events":        {`[{"type":"a"}` + strings.Repeat(`,{"type":"a"}`, 1000) + `]`, CodeTooManyEvents, "more than 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			var f Frame
			r := refusal(t, f.DecodeJSON([]byte(c.frame), DefaultLimits()))
			if r.Code != c.code || !strings.Contains(r.Message, c.message) || r.Retryable {
				t.Errorf("refused with %+v, want code %s and %q", r, c.code, c.message)
			}
			if len(f.Events) != 0 {
				t.Errorf("%d events are left of a refused frame", len(f.Events))
			}
		})
	}
}

func TestFrameTaken(t *testing.T) {
	for name, c := range map[string]struct {
		frame string
		raws  []string
	}{
		"short form":     {`{"type":"test","data":{"value":42}}`, []string{`{"type":"test","data":{"value":42}}`}},
		"white space":    {" {\"type\" :\t\"a\"}\r\n ", []string{"{\"type\" :\t\"a\"}"}},
		"empty array":    {`[]`, nil},
		"array":          {`[ {"type":"a"} , {"type":"b"}]`, []string{`{"type":"a"}`, `{"type":"b"}`}},
		"1,000 events":   {`[{"type":"a"}` + strings.Repeat(`,{"type":"a"}`, 999) + `]`, slices.Repeat([]string{`{"type":"a"}`}, 1000)},
		"depth 64":       {`{"type":"a","data":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, []string{`{"type":"a","data":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`}},
		"brackets, text": {`{"type":"a","data":"\"` + strings.Repeat("[{", 100) + `"}`, []string{`{"type":"a","data":"\"` + strings.Repeat("[{", 100) + `"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			events := decode(t, c.frame)
			if len(events) != len(c.raws) {
				t.Fatalf("%d events, want %d", len(events), len(c.raws))
			}
			for i := range events {
				if !events[i].Valid() || string(events[i].Raw) != c.raws[i] {
					t.Errorf("event %d: valid %v, raw %q; want %q", i, events[i].Valid(), events[i].Raw, c.raws[i])
				}
			}
		})
	}
}

// An event's depth is its own: an array around it, or neighbours, change nothing.
func TestDepthDoesNotDependOnTheArray(t *testing.T) {
	at := `{"type":"a","data":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`
	for _, e := range decode(t, `[`+at+`,`+at+`]`) {
		if !e.Valid() {
			t.Errorf("refused: %v", e.Refused)
		}
	}
}

func TestNeighboursOfABadEvent(t *testing.T) {
	events := decode(t, `[{"type":"a"},{"type":7},42,[{"type":"b"}],null,{},{"type":"c"}]`)
	if len(events) != 7 {
		t.Fatalf("%d events, want 7", len(events))
	}
	for i := range events {
		valid := i == 0 || i == 6
		if events[i].Valid() != valid {
			t.Errorf("event %d: valid %v, want %v", i, events[i].Valid(), valid)
		}
		if !valid && events[i].Refused.Code != CodeInvalidEvent {
			t.Errorf("event %d: code %s", i, events[i].Refused.Code)
		}
	}
	if string(events[3].Raw) != `[{"type":"b"}]` || string(events[6].Type()) != "c" {
		t.Errorf("event 3 is %s, event 6 has type %s", events[3].Raw, events[6].Type())
	}
}

func TestEventTooLarge(t *testing.T) {
	l := DefaultLimits()
	l.EventBytes = 20
	var f Frame
	if err := f.DecodeJSON([]byte(`[{"type":"a","d":"1"},{"type":"a","d":"12"},{"type":"a"}]`), l); err != nil {
		t.Fatal(err)
	}
	if r := f.Events[1].Refused; r == nil || r.Code != CodeTooLarge {
		t.Errorf("21 bytes: %v", r)
	}
	if !f.Events[0].Valid() || !f.Events[2].Valid() {
		t.Errorf("20 and 12 bytes: %v, %v", f.Events[0].Refused, f.Events[2].Refused)
	}
}

func TestControls(t *testing.T) {
	for text, want := range map[string]Control{
		`{"type":"ping"}`:                      Ping,
		`{"type":"pong"}`:                      Pong,
		`{"t\u0079pe":"pin\u0067"}`:            Ping,
		`{"type":"ping","time":7,"Nonce":[1]}`: Ping,
		`{"type":"ping","data_base64":null}`:   Ping,
		`{"type":"ping","data":null}`:          None,
		`{"type":"ping","data_base64":""}`:     None,
		`{"type":"Ping"}`:                      None,
		`{"type":"test"}`:                      None,
	} {
		s := decode(t, text)[0]
		if s.Control != want || s.Refused != nil || s.Valid() != (want == None) {
			t.Errorf("%s: control %d, refused %v; want %d", text, s.Control, s.Refused, want)
		}
	}
	if s := decode(t, `{"type":"ping","type":"order"}`)[0]; s.Control != None || s.Refused == nil {
		t.Errorf("an event that might be a ping: control %d, refused %v", s.Control, s.Refused)
	}
}

func TestNDJSON(t *testing.T) {
	body := "{\"type\":\"a\"}\r\n\n \t\n{\"type\":\n{\"type\":\"b\xff\"}\n[{\"type\":\"c\"}]\n{\"type\":\"d\"} {}\n" +
		strings.Repeat("[", 100_000) + "\n{\"type\":\"e\",\"data\":1}"
	var f Frame
	if err := f.DecodeNDJSON([]byte(body), DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	want := []string{"", CodeInvalidJSON, CodeInvalidJSON, CodeInvalidEvent, CodeInvalidJSON, CodeInvalidJSON, ""}
	if len(f.Events) != len(want) {
		t.Fatalf("%d events, want %d", len(f.Events), len(want))
	}
	for i, code := range want {
		if s := &f.Events[i]; s.Valid() != (code == "") || code != "" && s.Refused.Code != code {
			t.Errorf("event %d: %v, want code %q", i, s.Refused, code)
		}
	}
	if raw := string(f.Events[6].Raw); raw != `{"type":"e","data":1}` {
		t.Errorf("the last event is %s", raw)
	}
	if events, size := f.Valid(); events != 2 || size != 12+21 {
		t.Errorf("Valid() = %d, %d", events, size)
	}
}

func TestNDJSONRefusedWhole(t *testing.T) {
	l := DefaultLimits()
	l.BatchEvents, l.FrameBytes = 2, 60
	for body, code := range map[string]string{
		strings.Repeat("{\"type\":\"a\"}\n", 3) + "\n":      CodeTooManyEvents,
		"{\"type\":\"a\"}\n" + strings.Repeat("\n", 50):     CodeTooLarge,
		strings.Repeat("x\n", 3):                            CodeTooManyEvents,
		strings.Repeat("{\"type\":\"a\"}\n", 2) + "\n \n\n": "",
	} {
		var f Frame
		err := f.DecodeNDJSON([]byte(body), l)
		if code == "" {
			if err != nil || len(f.Events) != 2 {
				t.Errorf("%q: %v, %d events", body, err, len(f.Events))
			}
			continue
		}
		if r := refusal(t, err); r.Code != code || len(f.Events) != 0 {
			t.Errorf("%q: %v, %d events; want %s", body, r, len(f.Events), code)
		}
	}
}

// A pooled frame must not show anything of the frame before.
func TestFrameIsReusable(t *testing.T) {
	var f Frame
	for range 2 {
		if err := f.DecodeJSON([]byte(`[{"type":"\u0061b","id":"1","x":"y","data":1},{"type":9}]`), DefaultLimits()); err != nil {
			t.Fatal(err)
		}
		f.Reset()
		if len(f.Events) != 0 {
			t.Fatalf("%d events after Reset", len(f.Events))
		}
		if err := f.DecodeJSON([]byte(`{"type":"b"}`), DefaultLimits()); err != nil {
			t.Fatal(err)
		}
		s := &f.Events[0]
		if !s.Valid() || len(s.ID()) != 0 || len(s.extensions) != 0 || s.payload != NoData || string(s.Type()) != "b" {
			t.Fatalf("a new frame holds %+v", s)
		}
		if err := f.DecodeJSON([]byte(`{`), DefaultLimits()); err == nil {
			t.Fatal("a brace is taken for an event")
		}
	}
}

func TestResetDropsRareRoom(t *testing.T) {
	l := DefaultLimits()
	l.BatchEvents = 5000
	var f Frame
	if err := f.DecodeJSON([]byte(`[1`+strings.Repeat(",1", 4999)+`]`), l); err != nil {
		t.Fatal(err)
	}
	f.Reset()
	if cap(f.Events) > keepEvents {
		t.Errorf("room for %d events is kept", cap(f.Events))
	}
}

// json.Valid is another implementation of the grammar.
func TestGrammarAgreesWithEncodingJSON(t *testing.T) {
	for _, data := range []string{`1e5`, `-0`, `1.`, `.5`, `+1`, `"\ud800"`, `"\u12"`, `tru`, `[1,,2]`, `{"a"}`, `{"a":1,"a":2}`, `"\/"`, `""`, `nul`, "\"\x7f\"", `0x1`, `1E+2`, `--1`} {
		var f Frame
		frame := []byte(`{"type":"a","data":` + data + `}`)
		if err := f.DecodeJSON(frame, DefaultLimits()); (err == nil) != json.Valid(frame) {
			t.Errorf("%s: %v; encoding/json says %v", data, err, json.Valid(frame))
		}
	}
}
