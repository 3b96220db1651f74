package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// rawPeer is a client that speaks no WebSocket of its own. It reads what the gateway says.
type rawPeer struct {
	net.Conn
	heard bytes.Buffer
	ended chan struct{} // closed when the gateway has ended the connection
}

// said is all that the gateway has said, once it has ended the connection.
func (p *rawPeer) said() string {
	<-p.ended
	return p.heard.String()
}

func (b *bubble) raw(query string) *rawPeer {
	b.Helper()
	c, err := b.listener.dial()
	if err != nil {
		b.Fatal(err)
	}
	return upgrade(b, c, query, nil)
}

// upgrade sends a handshake, with more right behind it, and reads the answer.
func upgrade(t testing.TB, c net.Conn, query string, more []byte) *rawPeer {
	t.Helper()
	request := fmt.Sprintf("GET /ws%s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", query)
	if _, err := c.Write(append([]byte(request), more...)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	response, err := http.ReadResponse(r, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake fails: %v, %v", response, err)
	}
	p := &rawPeer{Conn: c, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_, _ = io.Copy(&p.heard, r)
		_ = c.Close()
	}()
	return p
}
