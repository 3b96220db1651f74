package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// peer is a WebSocket client that sends what it likes.
type peer struct {
	t  *testing.T
	ws *websocket.Conn
	// hello is the greeting.
	hello message
}

// message is what a gateway sends, all kinds in one.
type message struct {
	Type             string `json:"type"`
	Seq              int    `json:"seq"`
	Code             string `json:"code"`
	Message          string `json:"message"`
	Retryable        bool   `json:"retryable"`
	Session          string `json:"session"`
	Next             int    `json:"next"`
	Durability       string `json:"durability"`
	MaxFrame         int    `json:"max_frame_bytes"`
	ReconnectAfterMS int    `json:"reconnect_after_ms"`
}

// connect opens an anonymous connection; query may name a session.
func connect(t *testing.T, gateway *stack.Service, query string) *peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), proc.Patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, gateway.WebSocket()+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	p := &peer{t: t, ws: ws}
	p.hello = p.hear()
	if p.hello.Type != "hello" {
		t.Fatalf("the first message is %+v", p.hello)
	}
	return p
}

func (p *peer) say(text string) { p.sayAs(websocket.MessageText, []byte(text)) }

func (p *peer) sayAs(kind websocket.MessageType, b []byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), proc.Patience)
	defer cancel()
	if err := p.ws.Write(ctx, kind, b); err != nil {
		p.t.Fatal(err)
	}
}

// hear is the next message.
func (p *peer) hear() message {
	p.t.Helper()
	m, err := p.listen()
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *peer) listen() (m message, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), proc.Patience)
	defer cancel()
	_, b, err := p.ws.Read(ctx)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b, &m)
}

// acked reads until event n is acknowledged and returns the errors before.
func (p *peer) acked(n int) (refused []message) {
	p.t.Helper()
	for {
		switch m := p.hear(); m.Type {
		case "ack":
			if m.Seq >= n {
				return refused
			}
		case "error":
			refused = append(refused, m)
		}
	}
}

// ended reads to the end of the connection and returns the close code and the messages before it.
func (p *peer) ended() (websocket.StatusCode, []message) {
	p.t.Helper()
	var heard []message
	for {
		m, err := p.listen()
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				p.t.Fatalf("the connection does not end; heard %+v", heard)
			}
			return websocket.CloseStatus(err), heard
		}
		heard = append(heard, m)
	}
}

// post sends a body to /api/events and returns what came back.
func post(t *testing.T, gateway *stack.Service, contentType string, body []byte) (int, posted) {
	t.Helper()
	client := http.Client{Timeout: proc.Patience}
	answer, err := client.Post(gateway.URL("/api/events"), contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p posted
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return answer.StatusCode, p
}

// posted is the answer to a post.
type posted struct {
	Accepted, Duplicates int
	IDs                  []string
	Errors               []struct {
		Index         *int
		Code, Message string
	}
}
