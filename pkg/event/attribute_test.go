package event

import (
	"fmt"
	"strings"
	"testing"
)

func TestInvalidEvents(t *testing.T) {
	long := strings.Repeat("x", MaxAttribute+1)
	var extensions strings.Builder
	for i := range MaxExtensions + 1 {
		fmt.Fprintf(&extensions, `,"x%d":%d`, i, i)
	}
	for _, c := range []struct{ event, attribute, message string }{
		{`{}`, "type", "required"},
		{`{"data":1}`, "type", "required"},
		{`{"Type":"a"}`, "Type", "a-z and 0-9"},
		{`{"type":null}`, "type", "required"},
		{`{"type":""}`, "type", "empty"},
		{`{"type":5}`, "type", "must be a string"},
		{`{"type":["a"]}`, "type", "must be a string"},
		{`{"type":"` + long + `"}`, "type", "1025 bytes"},
		{`{"type":"a","type":"a"}`, "type", "twice"},
		{`{"type":"a","\u0074ype":"b"}`, "type", "twice"},
		{`{"type":null,"type":"b"}`, "type", "twice"},
		{`{"type":"\ud800"}`, "type", "surrogate"},
		{`{"type":"a\ud800b"}`, "type", "surrogate"},
		{`{"type":"a\udc00\ud800"}`, "type", "surrogate"},
		{`{"type":"a\u0000"}`, "type", "control"},
		{`{"type":"a\r\nb"}`, "type", "control"},
		{"{\"type\":\"a\u007f\"}", "type", "control"},
		{"{\"type\":\"\u0085\"}", "type", "control"},
		{`{"type":"a","id":""}`, "id", "empty"},
		{`{"type":"a","id":7}`, "id", "must be a string"},
		{`{"type":"a","id":"` + long + `"}`, "id", "1025 bytes"},
		{`{"type":"a","source":""}`, "source", "empty"},
		{`{"type":"a","source":{}}`, "source", "must be a string"},
		{`{"type":"a","subject":""}`, "subject", "empty"},
		{`{"type":"a","subject":true}`, "subject", "must be a string"},
		{`{"type":"a","partitionkey":""}`, "partitionkey", "empty"},
		{`{"type":"a","partitionkey":1}`, "partitionkey", "must be a string"},
		{`{"type":"a","partitionkey":"` + long + `"}`, "partitionkey", "1025 bytes"},
		{`{"type":"a","datacontenttype":""}`, "datacontenttype", "empty"},
		{`{"type":"a","dataschema":3}`, "dataschema", "must be a string"},
		{`{"type":"a","dataschema":"\udfff"}`, "dataschema", "surrogate"},
		{`{"type":"a","time":"yesterday"}`, "time", "RFC 3339"},
		{`{"type":"a","time":1700000000}`, "time", "must be a string"},
		{`{"type":"a","time":""}`, "time", "empty"},
		{`{"type":"a","time":"2024-02-30T00:00:00Z"}`, "time", "RFC 3339"},
		{`{"type":"a","time":"2024-01-01 00:00:00Z"}`, "time", "RFC 3339"},
		{`{"type":"a","time":"2024-01-01T00:00:00"}`, "time", "RFC 3339"},
		{`{"type":"a","time":"2024-01-01T0:00:00Z"}`, "time", "RFC 3339"},
		{`{"type":"a","time":"2024-01-01T00:00:00,5Z"}`, "time", "RFC 3339"},
		{`{"type":"a","time":"2024-01-01T00:00:00+24:00"}`, "time", "RFC 3339"},
		{`{"type":"a","specversion":"0.3"}`, "specversion", `"1.0"`},
		{`{"type":"a","specversion":1.0}`, "specversion", "must be a string"},
		{`{"type":"a","specversion":"1.0","specversion":"1.0"}`, "specversion", "twice"},
		{`{"type":"a","data":1,"data":1}`, "data", "twice"},
		{`{"type":"a","data":1,"data_base64":"AA=="}`, "data_base64", "exclude"},
		{`{"type":"a","data_base64":"AA==","data":null}`, "data_base64", "exclude"},
		{`{"type":"a","data_base64":5}`, "data_base64", "base64"},
		{`{"type":"a","data_base64":"AA"}`, "data_base64", "base64"},
		{`{"type":"a","data_base64":"AB=="}`, "data_base64", "base64"},
		{`{"type":"a","data_base64":"AA==\n"}`, "data_base64", "base64"},
		{`{"type":"a","data_base64":"-_=="}`, "data_base64", "base64"},
		{`{"type":"a","data_base64":"\ud800"}`, "data_base64", "base64"},
		{`{"type":"a","":1}`, "", "0 bytes"},
		{`{"type":"a","my_name":1}`, "my_name", "a-z and 0-9"},
		{`{"type":"a","traceParent":"x"}`, "traceParent", "a-z and 0-9"},
		{`{"type":"a","größe":1}`, "größe", "a-z and 0-9"},
		{`{"type":"a","x\ud800":1}`, "x\ufffd", "surrogate"},
		{`{"type":"a","` + long + `":1}`, long[:64], "1025 bytes"},
		{`{"type":"a","x":1,"x":1}`, "x", "twice"},
		{`{"type":"a","x":null,"\u0078":1}`, "x", "twice"},
		{`{"type":"a","x":{}}`, "x", "string, a boolean or an integer"},
		{`{"type":"a","x":[1]}`, "x", "string, a boolean or an integer"},
		{`{"type":"a","x":1.5}`, "x", "32 bits"},
		{`{"type":"a","x":1e3}`, "x", "32 bits"},
		{`{"type":"a","x":2147483648}`, "x", "32 bits"},
		{`{"type":"a","x":-2147483649}`, "x", "32 bits"},
		{`{"type":"a","x":"\udc00"}`, "x", "surrogate"},
		{`{"type":"a","x":"\u001f"}`, "x", "control"},
		{`{"type":"a"` + extensions.String() + `}`, "x64", "too many"},
	} {
		s := decode(t, c.event)[0]
		if s.Refused == nil {
			t.Errorf("%.80s is taken", c.event)
			continue
		}
		r := s.Refused
		if r.Code != CodeInvalidEvent || r.Attribute != c.attribute || r.Retryable || !strings.Contains(r.Message, c.message) {
			t.Errorf("%.80s: %+v; want attribute %s and %q", c.event, *r, c.attribute, c.message)
		}
		if !strings.Contains(r.Message, fmt.Sprintf("%q", c.attribute)) {
			t.Errorf("%.80s: %q does not name %s", c.event, r.Message, c.attribute)
		}
		if string(s.Raw) != c.event {
			t.Errorf("%.80s: raw is %.80s", c.event, s.Raw)
		}
	}
}

func TestFirstFaultIsTold(t *testing.T) {
	if r := decode(t, `{"id":5,"time":6,"X":1}`)[0].Refused; r == nil || r.Attribute != "id" {
		t.Errorf("refused with %v, want id", r)
	}
}

func TestValidAttributes(t *testing.T) {
	for _, text := range []string{
		`{"type":"a","id":null,"source":null,"time":null,"subject":null,"specversion":null,"dataschema":null,"x":null}`,
		`{"type":"a","specversion":"1.0"}`,
		`{"type":"` + strings.Repeat("x", MaxAttribute) + `"}`,
		`{"type":"a","` + strings.Repeat("x", MaxExtensionName) + `":1}`,
		`{"type":"a","time":"2024-02-29T23:59:59.123456789+05:30"}`,
		`{"type":"a","x":2147483647,"y":-2147483648,"z":-0}`,
		`{"type":"a","x":true,"y":false,"z":"","0":"0"}`,
		`{"type":"\ud83d\ude00 größe \u00a0","data":"\ud800"}`,
		`{"type":"a","data":{"k":1,"k":2,"\ud800":"\udfff"}}`,
		`{"type":"a","data_base64":"AA\u003d\u003d"}`,
		`{"type":"a","x":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		if s := decode(t, text)[0]; !s.Valid() {
			t.Errorf("%.80s: %v", text, s.Refused)
		}
	}
}
