package gateway

import (
	"net/http"
	"strings"
	"testing"

	"millrace.dev/pkg/event"
)

// postBinary sends a request in the binary mode; headers are pairs.
func (b *bubble) postBinary(body string, headers ...string) answer {
	b.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://gateway/api/events", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Ce-Specversion", "1.0")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	a, err := answerTo(b.client, request)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func TestBinaryMode(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		json := `{ "n": 1e400, "n": 2 }`
		a := b.postBinary(json, "Ce-Type", "order", "Ce-Id", "a%20b", "ce-source", "/shop", "ce-subject", "caf%C3%A9", "Ce-Tenant", "7",
			"Content-Type", "application/vnd.shop+json; charset=utf-8")
		if a.status != http.StatusAccepted || len(a.IDs) != 1 || a.IDs[0] != "a b" {
			t.Fatalf("%+v", a)
		}
		b.postBinary("\x00\xff", "Ce-Type", "picture", "Content-Type", "image/png")
		b.postBinary("", "Ce-Type", "nothing", "Ce-Subject", `"a \"b\" %22c%22"`)
		stored := b.store.events()
		e := stored[0]
		if e.Type != "order" || e.Source != "/shop" || e.Subject != "café" || string(e.Data) != json || e.Binary ||
			e.DataContentType != "application/vnd.shop+json; charset=utf-8" ||
			len(e.Extensions) != 1 || e.Extensions[0] != (event.Attribute{Name: "tenant", Value: "7"}) {
			t.Errorf("stored: %+v", e)
		}
		if e := stored[1]; !e.Binary || string(e.Data) != "\x00\xff" || e.DataContentType != "image/png" {
			t.Errorf("stored: %+v", e)
		}
		if e := stored[2]; e.Data != nil || e.Type != "nothing" || e.Subject != `a "b" "c"` {
			t.Errorf("stored: %+v", e)
		}
	})
}

// What stands in a header or a body can't become another attribute.
func TestBinaryModeRefused(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		for name, c := range map[string]struct {
			body, says string
			headers    []string
		}{
			"body that goes on":   {`1,"type":"other"`, "not the JSON", []string{"Ce-Type", "t"}},
			"no JSON":             {`{"a"`, "not the JSON", []string{"Ce-Type", "t", "Content-Type", "application/json"}},
			"no type":             {`1`, "type", nil},
			"type twice":          {`1`, "Ce-Type", []string{"Ce-Type", "t", "Ce-Type", "u"}},
			"not percent-encoded": {`1`, "Ce-Subject", []string{"Ce-Type", "t", "Ce-Subject", "%zz"}},
			"data in a header":    {`1`, "data", []string{"Ce-Type", "t", "Ce-Data", "2"}},
			"data without a body": {``, "Ce-Data", []string{"Ce-Type", "t", "Ce-Data", "2"}},
			"Latin-1":             {`1`, "UTF-8", []string{"Ce-Type", "t", "Ce-Subject", "caf\xe9"}},
			"no UTF-8, encoded":   {`1`, "UTF-8", []string{"Ce-Type", "t", "Ce-Subject", "caf%E9"}},
			"another version":     {`1`, "specversion", []string{"Ce-Type", "t", "Ce-Specversion", "0.3"}},
			"a bad name":          {`1`, "a-b", []string{"Ce-Type", "t", "Ce-A-B", "2"}},
		} {
			a := b.postBinary(c.body, c.headers...)
			if a.status != http.StatusBadRequest || len(a.Errors) != 1 || !strings.Contains(strings.ToLower(a.Errors[0].Message), strings.ToLower(c.says)) {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if n := len(b.store.events()); n != 0 {
			t.Errorf("%d events are stored", n)
		}
	})
}
