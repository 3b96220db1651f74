package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// sessionName is long enough for those who do not come from loopback.
const sessionName = "a-session-that-is-hard-to-guess"

// peer is a client of the WebSocket.
type peer struct {
	testing.TB
	ws *websocket.Conn
}

// message is what a gateway says, all kinds in one.
type message struct {
	Type             string
	Seq              *uint64
	Code             string
	Message          string
	Retryable        *bool
	Help             string
	Session          string
	Next, Last       uint64
	Resumed          bool
	Incarnation      string
	HeartbeatMS      int `json:"heartbeat_ms"`
	MaxFrameBytes    int `json:"max_frame_bytes"`
	MaxBatch         int `json:"max_batch"`
	Durability       string
	ReconnectAfterMS int `json:"reconnect_after_ms"`
	RetryAfterMS     int `json:"retry_after_ms"`
}

// String is the message in short: "ack 3", "error 2 invalid_event", "slow overloaded".
func (m message) String() string {
	words := []string{m.Type}
	if m.Seq != nil {
		words = append(words, fmt.Sprint(*m.Seq))
	}
	if m.Code != "" {
		words = append(words, m.Code)
	}
	return strings.Join(words, " ")
}

func dialWith(t testing.TB, c *http.Client, url string, o websocket.DialOptions) *peer {
	t.Helper()
	o.HTTPClient = c
	ws, _, err := websocket.Dial(context.Background(), url, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	return &peer{t, ws}
}

// open connects to a bubble's gateway. The peer ends with the bubble's gateway at the latest.
func (b *bubble) open(query string) *peer {
	b.Helper()
	return dialWith(b, b.client, "ws://gateway/ws"+query, websocket.DialOptions{})
}

// greeted connects and reads the hello.
func (b *bubble) greeted(query string) *peer {
	b.Helper()
	p := b.open(query)
	p.expect("hello")
	return p
}

// named is the query of a session whose next event is n.
func named(n uint64) string { return fmt.Sprintf("?session=%s&next=%d", sessionName, n) }

func (p *peer) send(frame string) {
	p.Helper()
	if err := p.ws.Write(context.Background(), websocket.MessageText, []byte(frame)); err != nil {
		p.Fatalf("sending: %v", err)
	}
}

// next is the next message but heartbeats.
func (p *peer) next() message {
	p.Helper()
	for {
		m, err := p.read()
		if err != nil {
			p.Fatalf("reading: %v", err)
		}
		if m.Type != "ping" {
			return m
		}
	}
}

func (p *peer) read() (m message, err error) {
	kind, b, err := p.ws.Read(context.Background())
	if err != nil {
		return m, err
	}
	if kind != websocket.MessageText {
		return m, fmt.Errorf("a %v frame", kind)
	}
	return m, json.Unmarshal(b, &m)
}

// expect reads as many messages, each as message.String shows it; "hello" and the like stand for themselves.
func (p *peer) expect(want ...string) {
	p.Helper()
	for _, w := range want {
		if got := p.next().String(); got != w {
			p.Fatalf("the gateway says %q, want %q", got, w)
		}
	}
}

// closed reads until the connection ends and returns how, and what was said before, but for heartbeats.
func (p *peer) closed() (code websocket.StatusCode, said []string) {
	p.Helper()
	for {
		m, err := p.read()
		if err != nil {
			return websocket.CloseStatus(err), said
		}
		if m.Type != "ping" {
			said = append(said, m.String())
		}
	}
}

// ev is an event of type t whose data is d.
func ev(d any) string { return fmt.Sprintf(`{"type":"t","data":%v}`, d) }

// array is a frame of events.
func array(events ...string) string { return "[" + strings.Join(events, ",") + "]" }

const invalid = `{"data":"no type"}`
