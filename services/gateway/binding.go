package gateway

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
		value, err := url.PathUnescape(h.Get(name))
		if err != nil {
			return nil, event.Refuse(event.CodeInvalidEvent, fmt.Sprintf("header %s is not percent-encoded (CloudEvents HTTP binding 1.0, 3.1.3.2)", name))
		}
		b = appendText(append(appendText(b, strings.ToLower(name[len(ceHeader):])), ':'), value)
		b = append(b, ',')
	}
	b, err := appendBody(b, h.Get("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

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
