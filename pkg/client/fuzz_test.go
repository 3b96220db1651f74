package client

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Whatever a gateway says, the client goes on or gives up; what is decided only grows, and never beyond what was
// published, and each frame and refusal is told once, in order.
func FuzzHear(f *testing.F) {
	for _, text := range []string{
		"{\"type\":\"ack\",\"seq\":3}\n{\"type\":\"ack\",\"seq\":2}\n{\"type\":\"ack\",\"seq\":15}",
		"{\"type\":\"error\",\"seq\":2,\"code\":\"invalid_event\",\"message\":\"m\"}\n{\"type\":\"error\",\"seq\":2}\n{\"type\":\"ack\",\"seq\":4}",
		`{"type":"error","code":"invalid_json"}`, `{"type":"ack","seq":18446744073709551615}`, `{"type":"error","seq":9007199254740993}`,
		"{\"type\":\"slow\"}\n{\"type\":\"go\"}\n{\"type\":\"draining\"}\n{\"type\":\"ping\"}\n{}", `{"type":"hello","heartbeat_ms":30000}`, `{"type":7}`, `null`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		var next, refused, before uint64
		c := underWay(t, func(d Frame) {
			if d.First != next+1 {
				t.Fatalf("%q: the frame from %d is decided after %d", said, d.First, next)
			}
			next = d.last()
		}, func(r Refusal) {
			if r.Number <= refused {
				t.Fatalf("%q: %d is refused after %d", said, r.Number, refused)
			}
			refused = r.Number
		})
		for line := range bytes.Lines(said) {
			var m message
			if json.Unmarshal(line, &m) != nil || c.hear(m) != nil {
				return
			}
			published, decided := c.Totals()
			if decided < before || decided > published {
				t.Fatalf("%q: %d of %d are decided, and were %d before", said, decided, published, before)
			}
			before = decided
		}
	})
}

// underWay is a client that has sent five frames of three events, and has heard nothing of them.
func underWay(t *testing.T, acked func(Frame), refused func(Refusal)) *Client {
	c, err := New(Config{URL: "ws://gateway/ws", Acked: acked, Refused: refused})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := c.Publish(t.Context(), []byte("[]"), 3); err != nil {
			t.Fatal(err)
		}
		if _, err := c.queue.next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}
