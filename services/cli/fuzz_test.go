package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"unicode/utf8"

	"millrace.dev/pkg/event"
)

// Every line of any file becomes one valid event that holds its bytes; taken for events, lines that a gateway would
// not count as one event each are found before they are sent.
func FuzzLines(f *testing.F) {
	for _, text := range []string{"a\nb\r\n\nc", "\xff\xfe\x00\n\"\\\u2028", "{\"type\":\"a\"}\n[]\n{\"type\":\"ping\"}\n{\"type\":7}\n{", "\n", ""} {
		f.Add([]byte(text))
	}
	asIs := asEvent()
	f.Fuzz(func(t *testing.T, file []byte) {
		lines, rest := newLineReader(bytes.NewReader(file)), file
		for {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			want, after, _ := bytes.Cut(rest, []byte("\n"))
			if rest = after; !bytes.Equal(line, bytes.TrimSuffix(want, []byte("\r"))) {
				t.Fatalf("%q: the next line is %q", file, line)
			}
			asOne(t, line)
			if sent, err := asIs(nil, line); err == nil {
				decoded(t, sent)
			}
		}
		if len(rest) > 0 {
			t.Fatalf("%q: %q is left", file, rest)
		}
	})
}

func asOne(t *testing.T, line []byte) {
	sent, err := asData("a\u2028\"")(nil, line)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	s := &decoded(t, sent).Events[0]
	data, kind := s.Data()
	if utf8.Valid(line) {
		var text string
		if err := json.Unmarshal(data, &text); err != nil || kind != event.JSONData {
			t.Fatalf("%q is sent as %s: %v", line, sent, err)
		}
		data = []byte(text)
	}
	if !s.Valid() || !bytes.Equal(data, line) {
		t.Fatalf("%q is sent as %s: %v", line, sent, s.Refused)
	}
}

// decoded is what a gateway makes of an event between others.
func decoded(t *testing.T, sent []byte) *event.Frame {
	f := new(event.Frame)
	if err := f.DecodeJSON([]byte("["+string(sent)+"]"), event.DefaultLimits()); err != nil || len(f.Events) != 1 || f.Events[0].Control != event.None {
		t.Fatalf("%q is %d events to a gateway (%v)", sent, len(f.Events), err)
	}
	return f
}
