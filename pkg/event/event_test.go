package event

import (
	"encoding/json"
	"testing"
)

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct {
		want  string
		event Event
	}{
		{`{"specversion":"1.0","id":"1","source":"/s","type":"t"}`, Event{ID: "1", Source: "/s", Type: "t"}},
		{`{"specversion":"1.0","type":"t","data":{"a": 1}}`, Event{Type: "t", Data: []byte(`{"a": 1}`)}},
		{`{"specversion":"1.0","type":"t","data":null}`, Event{Type: "t", Data: []byte(`null`)}},
		{`{"specversion":"1.0","type":"t","data_base64":""}`, Event{Type: "t", Data: []byte{}, Binary: true}},
		{`{"specversion":"1.0","type":"t","data_base64":"/w=="}`, Event{Type: "t", Data: []byte{0xff}, Binary: true}},
		{`{"specversion":"1.0","type":"t"}`, Event{Type: "t", Data: []byte{}}},
		{`{"specversion":"1.0","type":"\"\\\n�","subject":"é"}`, Event{Type: "\"\\\n\xff", Subject: "é"}},
		{`{"specversion":"1.0","type":"t","datacontenttype":"c","dataschema":"d","partitionkey":"k"}`,
			Event{Type: "t", PartitionKey: "k", DataSchema: "d", DataContentType: "c"}},
		{`{"specversion":"1.0","type":"t","a":"x","b":true,"c":-7}`,
			Event{Type: "t", Extensions: []Attribute{{"a", "x", Text}, {"b", "true", Boolean}, {"c", "-7", Integer}}}},
		{`{"specversion":"1.0","type":"t","d":"maybe","e":"1]","f":"+1"}`,
			Event{Type: "t", Extensions: []Attribute{{"d", "maybe", Boolean}, {"e", "1]", Integer}, {"f", "+1", Integer}}}},
	} {
		got := string(c.event.AppendJSON([]byte("x")))[1:]
		if got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
