package gateway

import (
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/access/accesstest"
	"millrace.dev/pkg/stream/streamtest"
)

// TLS comes from files, for requests and WebSockets alike; without it the port speaks to nobody.
func TestTLS(t *testing.T) {
	cert, key := accesstest.Certificate(t)
	trust, err := access.DialTLS(cert)
	if err != nil {
		t.Fatal(err)
	}
	secure := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}}
	defer secure.CloseIdleConnections()
	c := startGatewayBy(t, streamtest.Embedded(t), secure, func(c *Config) { c.Access.TLSCert, c.Access.TLSKey = cert, key })
	p := dialWith(c, secure, "wss://"+c.addr+"/ws", websocket.DialOptions{})
	p.expect("hello")
	for n := range uint64(3) {
		p.send(with([]string{"a", "b", "c"}[n], ""))
		p.expectAck(n + 1)
	}
	c.expectOnce("a", "b", "c")
	plain, err := http.Get("http://" + c.addr + "/health")
	if err != nil || plain.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS: %v, %v", plain, err)
	}
	if plain != nil {
		_ = plain.Body.Close()
	}
}
