package gateway

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"millrace.dev/pkg/event"
)

// ceHeader begins the header of each attribute in the binary mode of CloudEvents' HTTP binding (1.0, 3.1).
const ceHeader = "Ce-"

// isBinary says whether a request is in that mode: it has no content type of CloudEvents' own and names a version.
func isBinary(h http.Header) bool {
	return h.Get(ceHeader+"Specversion") != "" && !strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "application/cloudevents")
}

// decodeBinary reads a request in the binary mode: attributes from its headers, data from its body. It is written as
// one JSON event, so that what is valid is decided in one place.
func decodeBinary(h http.Header) decoder {
	return func(f *frame, l event.Limits) error {
		text, err := structured(h, f.bytes)
		if err != nil {
			return err
		}
		f.bytes = text
		return f.DecodeJSON(f.bytes, l)
	}
}

// structured writes the event of a request in the binary mode as JSON.
func structured(h http.Header, body []byte) ([]byte, error) {
	b := []byte{'{'}
	names := make([]string, 0, len(h))
	for name := range h {
		if attribute, ok := strings.CutPrefix(name, ceHeader); ok && attribute != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names) // the same request is the same event
	for _, name := range names {
		if len(h[name]) > 1 {
			return nil, event.Refuse(event.CodeInvalidEvent, fmt.Sprintf("header %s occurs twice", name))
		}
		attribute := strings.ToLower(name[len(ceHeader):])
		value, ok := headerValue(h.Get(name))
		if !ok || attribute == "data" || attribute == "data_base64" {
			return nil, event.Refuse(event.CodeInvalidEvent, fmt.Sprintf("header %s is no attribute of UTF-8, percent-encoded (CloudEvents HTTP binding 1.0, 3.1.3)", name))
		}
		b = append(appendText(append(appendText(b, attribute), ':'), value), ',')
	}
	b, err := appendBody(b, h.Get("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

// headerValue decodes the value of an attribute: quotes first, then percent signs (CloudEvents HTTP binding 1.0, 3.1.3.2).
func headerValue(value string) (string, bool) {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = unescaped.Replace(value[1 : n-1])
	}
	value, err := url.PathUnescape(value)
	return value, err == nil && utf8.ValidString(value)
}

var unescaped = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// appendBody writes the body as data: JSON as it is, anything else as bytes.
func appendBody(b []byte, contentType string, body []byte) ([]byte, error) {
	if contentType != "" {
		b = append(appendText(append(b, `"datacontenttype":`...), contentType), ',')
	}
	if len(body) == 0 {
		return b[:len(b)-1], nil // without the last comma; there is one, after specversion at least
	}
	if !isJSON(contentType) {
		b = append(b, `"data_base64":"`...)
		return append(base64.StdEncoding.AppendEncode(b, body), '"'), nil
	}
	if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, event.Refuse(event.CodeInvalidJSON, "the body is not the JSON that Content-Type says")
	}
	return append(append(b, `"data":`...), body...), nil
}

// isJSON says whether a media type is JSON's; none is JSON.
func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return contentType == "" || err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}
