package access

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTakeToken(t *testing.T) {
	const secret = "mr_abc_S3CRET"
	type headers = map[string][]string
	for _, c := range []struct {
		name, url string
		header    headers
		want      string // "-" is none
		left      string // the query
		protocols string
	}{
		{"none", "/ws", nil, "-", "", ""},
		{"Bearer", "/ws?a=1", headers{"Authorization": {"Bearer " + secret}}, secret, "a=1", ""},
		{"bearer", "/ws", headers{"Authorization": {"bearer  " + secret + " "}}, secret, "", ""},
		{"Basic is not ours", "/ws", headers{"Authorization": {"Basic abc"}}, "-", "", ""},
		{"Bearer after Basic", "/ws", headers{"Authorization": {"Basic abc", "Bearer " + secret}}, secret, "", ""},
		{"an empty Bearer", "/ws", headers{"Authorization": {"Bearer"}}, "", "", ""},
		{"subprotocol", "/ws", headers{protocolHeader: {"millrace.v1.json, millrace.key." + secret}}, secret, "", "millrace.v1.json"},
		{"subprotocol first, other case", "/ws", headers{protocolHeader: {"Millrace.Key." + secret + ",millrace.v1.json"}}, secret, "", "millrace.v1.json"},
		{"subprotocol in headers of its own", "/ws", headers{protocolHeader: {"millrace.key." + secret, "a", "b"}}, secret, "", "a, b"},
		{"subprotocol alone", "/ws", headers{protocolHeader: {"millrace.key." + secret}}, secret, "", ""},
		{"two keys as subprotocols", "/ws", headers{protocolHeader: {"millrace.key." + secret + ", x, millrace.key.S3CRET2"}}, secret, "", "x"},
		{"query", "/ws?access_token=" + secret, nil, secret, "", ""},
		{"query among others", "/ws?b=%20&access_token=" + secret + "&a=1", nil, secret, "b=%20&a=1", ""},
		{"query, escaped", "/ws?access%5Ftoken=mr%5Fabc%5FS3CRET", nil, secret, "", ""},
		{"query, twice", "/ws?access_token=" + secret + "&access_token=S3CRET2", nil, secret, "", ""},
		{"query, empty", "/ws?access_token", nil, "", "", ""},
		{"all three", "/ws?access_token=S3CRET3",
			headers{"Authorization": {"Bearer " + secret}, protocolHeader: {"x, millrace.key.S3CRET2"}}, secret, "", "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, c.url, nil)
			maps.Copy(r.Header, c.header)
			token, shown, rest := TakeToken(r)
			if shown != (c.want != "-") || shown && token != c.want {
				t.Errorf("found %q, %v", token, shown)
			}
			if rest.URL.RawQuery != c.left || rest.Header.Get(protocolHeader) != c.protocols {
				t.Errorf("left are %q and %q", rest.URL.RawQuery, rest.Header.Get(protocolHeader))
			}
			if all := fmt.Sprint(rest.URL, rest.RequestURI, rest.Header); strings.Contains(all, "S3CRET") {
				t.Errorf("a key is left: %s", all)
			}
		})
	}
}
