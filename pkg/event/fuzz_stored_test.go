package event

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What is stored is what was sent, and stays what it is however often it is read and written again.
func FuzzStoredEvents(f *testing.F) {
	addFrames(f)
	f.Add([]byte(`[{"type":"a","data": { "x" : "\u00e9 \/" } },{"type":"ping","data":null},{"type":"b","data_base64":""}]`))
	f.Add([]byte(`{"type":"a","subject":"\u2028\ufeff\"\\","dataschema":"s","datacontenttype":"t","partitionkey":"k","source":"/s"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var frame Frame
		if frame.DecodeJSON(b, fuzzLimits) != nil {
			return
		}
		batch, valid := batchFrom(&frame)
		events, err := DecodeBatch(nil, string(batch))
		if err != nil || len(events) != len(valid) {
			t.Fatalf("%q: %d valid events are stored as %d (%v)", b, len(valid), len(events), err)
		}
		for i := range events {
			data, payload := valid[i].Data()
			if !bytes.Equal(data, events[i].Data) || events[i].Binary != (payload == BinaryData) {
				t.Fatalf("%q: data %q is stored as %q", valid[i].Raw, data, events[i].Data)
			}
			rewrite(t, &events[i])
		}
	})
}

// batchFrom is the batch of a frame's valid events, and these.
func batchFrom(f *Frame) (batch []byte, valid []*Span) {
	batch = AppendVersion(nil)
	d := &Defaults{Source: "/fuzz", Received: arrival}
	for i := range f.Events {
		if s := &f.Events[i]; s.Valid() {
			batch, valid = AppendMember(batch, s, d), append(valid, s)
		}
	}
	return batch, valid
}

// rewrite writes a stored event as JSON, and reads and stores it again.
func rewrite(t *testing.T, e *Event) {
	text := e.AppendJSON(nil)
	var again Frame
	if err := again.DecodeJSON(text, DefaultLimits()); err != nil || len(again.Events) != 1 || !again.Events[0].Valid() {
		t.Fatalf("%+v is written as %q, which is refused: %v %+v", *e, text, err, again.Events)
	}
	batch, _ := batchFrom(&again)
	events, err := DecodeBatch(nil, string(batch))
	if err != nil || !equal(events[0], *e) {
		t.Fatalf("%+v is written as %q, and read as %+v (%v)", *e, text, events[0], err)
	}
}

// A sender that sends again cuts its events into other frames: each must be judged as it was before, whatever stands
// beside it and whatever the pooled Frame held.
func FuzzVerdicts(f *testing.F) {
	addFrames(f)
	f.Add([]byte(`[{"type":7},{"type":"a","X":1},{"type":"ping"},{"type":"a","x":1.5},"a",{"type":"a","data":1,"data":2}]`))
	var pooled Frame
	f.Fuzz(func(t *testing.T, b []byte) {
		var frame Frame
		err := frame.DecodeJSON(b, fuzzLimits)
		if again := pooled.DecodeJSON(b, fuzzLimits); !reflect.DeepEqual(err, again) || !reflect.DeepEqual(verdicts(&frame), verdicts(&pooled)) {
			t.Fatalf("%q is judged %v %+v, and then %v %+v", b, err, verdicts(&frame), again, verdicts(&pooled))
		}
		for i := range frame.Events {
			s := &frame.Events[i]
			if s.Raw[0] == '[' {
				continue // alone it would be an array of events
			}
			if err := pooled.DecodeJSON(s.Raw, fuzzLimits); err != nil || len(pooled.Events) != 1 {
				t.Fatalf("%q is an event of %q, and alone it is refused: %v", s.Raw, b, err)
			}
			if got, want := verdict(&pooled.Events[0]), verdict(s); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q is judged %+v in %q, and alone %+v", s.Raw, want, b, got)
			}
		}
	})
}

// judged is what a sender is told of an event.
type judged struct {
	raw     string
	control Control
	refused Refusal
}

func verdict(s *Span) judged {
	j := judged{raw: string(s.Raw), control: s.Control}
	if s.Refused != nil {
		j.refused = *s.Refused
	}
	return j
}

func verdicts(f *Frame) []judged {
	var all []judged
	for i := range f.Events {
		all = append(all, verdict(&f.Events[i]))
	}
	return all
}

var extensionName = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

// An extension is taken if CloudEvents allows its name and value, and is stored as encoding/json reads it.
func FuzzExtensions(f *testing.F) {
	for name, value := range map[string]string{
		"traceparent": `"00-x"`, "x": "-5", "y": "2147483648", "z": "1e3", "a": "true", "b": "null", "c": `"\u0000"`, "d": "[]",
		"Not": `"x"`, "": `"x"`, "e": `"\u00e9\ud83d\ude00"`, "f": "-0", "data": "1",
	} {
		f.Add(name, value)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		quoted, _ := json.Marshal(name)
		text := `{"type":"a",` + string(quoted) + `:` + value + `}`
		var sent map[string]any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var frame Frame
		if slotOf([]byte(name)) != slotExtension || frame.DecodeJSON([]byte(text), DefaultLimits()) != nil ||
			d.Decode(&sent) != nil || len(frame.Events) != 1 || len(sent) != 2 || strings.ContainsRune(text, '\ufffd') {
			return
		}
		s, want, fits := &frame.Events[0], Attribute{Name: name}, true
		switch v := sent[name].(type) {
		case nil:
			want = Attribute{}
		case bool:
			want.Kind, want.Value = Boolean, strconv.FormatBool(v)
		case json.Number:
			n, err := strconv.ParseInt(v.String(), 10, 32)
			want.Kind, want.Value, fits = Integer, strconv.FormatInt(n, 10), err == nil
		case string:
			if strings.ContainsRune(v, '\ufffd') {
				return // perhaps half of a pair
			}
			want.Value, fits = v, !hasControl([]byte(v))
		default:
			fits = false
		}
		if fits = fits && extensionName.MatchString(name); s.Valid() != fits {
			t.Fatalf("%s: %v, want it taken: %v", text, s.Refused, fits)
		}
		if !fits {
			return
		}
		batch, _ := batchFrom(&frame)
		events, err := DecodeBatch(nil, string(batch))
		if err != nil || want.Name == "" && len(events[0].Extensions) > 0 || want.Name != "" && (len(events[0].Extensions) != 1 || events[0].Extensions[0] != want) {
			t.Fatalf("%s is stored with %+v, want %+v (%v)", text, events[0].Extensions, want, err)
		}
	})
}
