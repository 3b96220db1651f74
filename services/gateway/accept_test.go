package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream/produce"
)

func TestParseSession(t *testing.T) {
	long := strings.Repeat("s", shortestSession)
	cases := []struct {
		query, from string
		header      string
		want        sessionRequest
		fault       string // part of the message
	}{
		{"", "10.0.0.1:5", "", sessionRequest{}, ""},
		{"session=" + long + "&next=1", "10.0.0.1:5", "", sessionRequest{long, 1}, ""},
		{"session=" + long + "&next=9007199254740991", "10.0.0.1:5", "", sessionRequest{long, 1<<53 - 1}, ""},
		{"session=x&next=1", "127.0.0.1:5", "", sessionRequest{"x", 1}, ""},
		{"session=x&next=1", "[::1]:5", "", sessionRequest{"x", 1}, ""},
		{"session=x&next=1", "10.0.0.1:5", "", sessionRequest{}, "session"},
		{"session=x&next=1", "127.0.0.1:5", "X-Forwarded-For", sessionRequest{}, "session"},
		{"session=x&next=1", "127.0.0.1:5", "Forwarded", sessionRequest{}, "session"},
		{"session=" + long, "127.0.0.1:5", "", sessionRequest{}, "next"},
		{"next=1", "127.0.0.1:5", "", sessionRequest{}, "session"},
		{"session=&next=1", "127.0.0.1:5", "", sessionRequest{}, "session"},
		{"session=" + strings.Repeat("s", 129) + "&next=1", "127.0.0.1:5", "", sessionRequest{}, "session"},
		{"session=" + url.QueryEscape("a b") + "&next=1", "127.0.0.1:5", "", sessionRequest{}, "session"},
		{"session=" + url.QueryEscape("ä") + "&next=1", "127.0.0.1:5", "", sessionRequest{}, "session"},
		{"session=x&next=0", "127.0.0.1:5", "", sessionRequest{}, "next"},
		{"session=x&next=-1", "127.0.0.1:5", "", sessionRequest{}, "next"},
		{"session=x&next=", "127.0.0.1:5", "", sessionRequest{}, "next"},
		{"session=x&next=1.5", "127.0.0.1:5", "", sessionRequest{}, "next"},
		{"session=x&next=1e3", "127.0.0.1:5", "", sessionRequest{}, "next"},
		{"session=x&next=9007199254740992", "127.0.0.1:5", "", sessionRequest{}, "next"},
		{"session=x&next=18446744073709551616", "127.0.0.1:5", "", sessionRequest{}, "next"},
	}
	for _, c := range cases {
		r := httptest.NewRequest(http.MethodGet, "/ws?"+c.query, nil)
		r.RemoteAddr = c.from
		if c.header != "" {
			r.Header.Set(c.header, "for=1.2.3.4")
		}
		who := access.Credential{Client: new(access.Rules).ClientOf(r)}
		r = r.WithContext(access.With(r.Context(), who))
		got, err := parseSession(r)
		if got != c.want || (err == nil) != (c.fault == "") || err != nil && !strings.HasPrefix(err.Error(), c.fault+":") {
			t.Errorf("%s from %s %s: %+v, %v", c.query, c.from, c.header, got, err)
		}
	}
}

// get is the status of a request that may not become a WebSocket.
func (b *bubble) get(path string, header http.Header) int {
	b.Helper()
	status, _ := b.head(path, header)
	return status
}

// head is its status with the headers of the answer.
func (b *bubble) head(path string, header http.Header) (int, http.Header) {
	b.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://gateway"+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	request.Header = header
	response, err := b.client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode, response.Header
}

func handshake() http.Header {
	return http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
}

func TestHandshakeRefused(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		if got := b.get("/ws?session="+sessionName, handshake()); got != http.StatusBadRequest {
			t.Errorf("session without next: %d", got)
		}
		if got := b.get("/ws?session="+sessionName+"&next=x", handshake()); got != http.StatusBadRequest {
			t.Errorf("next that is no number: %d", got)
		}
		if got := b.get("/ws", http.Header{}); got != http.StatusUpgradeRequired {
			t.Errorf("no WebSocket: %d", got)
		}
		foreign := handshake()
		foreign.Set("Origin", "http://elsewhere.example")
		if got := b.get("/ws", foreign); got != http.StatusForbidden {
			t.Errorf("from another page: %d", got)
		}
		b.gateway.recall = func(context.Context, string) (*produce.Session, error) { return nil, errors.New("refused") }
		if got := b.get("/ws"+named(1), handshake()); got != http.StatusServiceUnavailable {
			t.Errorf("a session while Redis is away: %d", got)
		}
		b.greeted("") // anonymous clients need nothing of Redis to begin
		b.gateway.stopTaking()
		if got := b.get("/ws", handshake()); got != http.StatusServiceUnavailable {
			t.Errorf("while the gateway goes away: %d", got)
		}
	})
}
