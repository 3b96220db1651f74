package cli

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("x", longestLine+1)
	in := "one\ntwo\r\n\n" + long + "\n" + strings.Repeat("y", longestLine-1) + "\nlast"
	l := newLineReader(iotest.OneByteReader(strings.NewReader(in)))
	for _, want := range []string{"one", "two", "", "too long", strings.Repeat("y", longestLine-1), "last"} {
		line, err := l.next()
		switch {
		case want == "too long":
			if !errors.Is(err, errLong) {
				t.Fatalf("a line of %d bytes: %v", len(long), err)
			}
		case err != nil || string(line) != want:
			t.Fatalf("line %d is %.20q (%v), want %.20q", l.n, line, err, want)
		}
	}
	if _, err := l.next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last line: %v", err)
	}
	if l.n != 6 {
		t.Errorf("%d lines were counted", l.n)
	}
}

func TestAsData(t *testing.T) {
	encode := asData(`my "type"`)
	for line, want := range map[string]string{
		"plain":        `{"type":"my \"type\"","data":"plain"}`,
		"say \"hi\"\t": `{"type":"my \"type\"","data":"say \"hi\"\t"}`,
		"\xff\x00":     `{"type":"my \"type\"","data_base64":"/wA="}`,
		"":             `{"type":"my \"type\"","data":""}`,
	} {
		got, err := encode(nil, []byte(line))
		if err != nil || string(got) != want || !json.Valid(got) {
			t.Errorf("%q becomes %s (%v), want %s", line, got, err, want)
		}
	}
}

func TestAsEvent(t *testing.T) {
	encode := asEvent()
	got, err := encode(nil, []byte("  {\"type\":\"a\"} "))
	if err != nil || string(got) != `{"type":"a"}` {
		t.Errorf("an event becomes %s (%v)", got, err)
	}
	for _, line := range []string{"", "text", "[1]", "42", `{"type":`, "{\"type\":\"\xff\"}", `{"type":"a"} {"type":"b"}`,
		`{"type":"ping"}`, `{"type":"pong"}`, `{"type":"a","data":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`,
	} {
		if _, err := encode(nil, []byte(line)); err == nil {
			t.Errorf("%q passes for an event", line)
		}
	}
	for _, line := range []string{`{"type":"ping","data":1}`, `{"no":"type"}`} { // an event, and one for the gateway to refuse
		if _, err := encode(nil, []byte(line)); err != nil {
			t.Errorf("%q does not pass: %v", line, err)
		}
	}
}

func TestFraming(t *testing.T) {
	var f framing
	f.add([]byte(`{"type":"a"}`))
	f.add([]byte(`{"type":"b"}`))
	if got := string(f.json) + "]"; got != `[{"type":"a"},{"type":"b"}]` || f.events != 2 {
		t.Errorf("the frame is %s, %d events", got, f.events)
	}
}

func TestLoadFrame(t *testing.T) {
	for _, n := range []int{1, 2, 100} {
		frame := loadFrame(7, n)
		if !json.Valid(frame) || (n > 1) != (frame[0] == '[') {
			t.Errorf("a frame of %d is %.80s", n, frame)
		}
		if got := strings.Count(string(frame), `"type":"load"`); got != n {
			t.Errorf("a frame of %d has %d events", n, got)
		}
	}
}
