package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/produce"
)

// A session is taken as it was asked for, hard to guess and within the numbers that there are, or refused.
func FuzzParseSession(f *testing.F) {
	for _, query := range []string{
		"", "session=abc&next=1", "session=0123456789012345678901&next=9007199254740991", "next=1", "session=a", "session=&next=1",
		"session=a&next=0", "session=a&next=-1", "session=a&next=9007199254740992", "session=%00&next=1", "session=a%20b&next=1",
		"session=a&session=b&next=1&next=2", "session=%zz&next=1", "session=a;next=1", "session=%c3%a9&next=1", "session=a&next=+1", "session=a&next=0x1",
	} {
		f.Add(query, false)
		f.Add(query, true)
	}
	f.Fuzz(func(t *testing.T, query string, near bool) {
		r := &http.Request{URL: &url.URL{Path: "/ws", RawQuery: query}, RemoteAddr: "192.0.2.1:1"}
		if near {
			r.RemoteAddr = "127.0.0.1:1"
		}
		s, err := parseSession(r)
		if err != nil || s == (sessionRequest{}) {
			if s != (sessionRequest{}) || err == nil && (r.URL.Query().Has("session") || r.URL.Query().Has("next")) {
				t.Fatalf("%q is refused with %v and taken as %+v", query, err, s)
			}
			return
		}
		visible := strings.Trim(strconv.QuoteToASCII(s.name), `"`) == strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.name) && !strings.Contains(s.name, " ")
		if !visible || len(s.name) > longestSession || !near && len(s.name) < shortestSession || s.next < 1 || s.next > produce.MaxNumber {
			t.Fatalf("%q is taken as %+v", query, s)
		}
		again := url.Values{"session": {s.name}, "next": {strconv.FormatUint(s.next, 10)}}
		r.URL.RawQuery = again.Encode()
		if other, err := parseSession(r); err != nil || other != s {
			t.Fatalf("%q is taken as %+v, and then as %+v (%v)", query, s, other, err)
		}
	})
}

// A body of any type is read or refused, and whatever is said of it is JSON.
func FuzzBody(f *testing.F) {
	bodies := []string{
		`{"type":"a"}`, "{\"type\":\"a\"}\n{\"type\":7}\n", `[{"type":"a"},{"\ud800":1},{"type":"a","x\u2028":{}}]`, "\xff", "[[[", "",
		`{"type":"ping"}`, `{"` + strings.Repeat("é", 100) + `":1}`,
	}
	for i, kind := range []string{
		"", "application/json", "application/x-ndjson", "application/cloudevents-batch+json; charset=utf-8", "text/plain", "multipart/form-data", ";", "a/b; c=\"",
	} {
		f.Add(kind, []byte(bodies[i]))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		decode, ok := decoderOf(http.Header{"Content-Type": {kind}})
		if !ok {
			return
		}
		if !strings.Contains(kind, ";") && kind != "" {
			if _, ok := decoderOf(http.Header{"Content-Type": {kind + "; charset=utf-8"}}); !ok {
				t.Fatalf("%q is taken, and not with a charset", kind)
			}
		}
		frame := getFrame()
		defer putFrame(frame)
		frame.bytes = append(frame.bytes[:0], body...)
		if err := decode(frame, event.DefaultLimits()); err != nil {
			saidAsJSON(t, asRefusal(err))
			return
		}
		for i := range frame.Events {
			if r := frame.Events[i].Refused; r != nil {
				saidAsJSON(t, r)
			}
		}
	})
}

func saidAsJSON(t *testing.T, r *event.Refusal) {
	var m struct{ Code, Message string }
	text := errorMessage(1, r)
	if err := json.Unmarshal(text, &m); err != nil || m.Code != r.Code || m.Message == "" {
		t.Fatalf("%+v is said as %s (%v)", *r, text, err)
	}
}
