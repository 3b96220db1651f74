package client

import (
	"bytes"
	"encoding/json"
	"errors"
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
		var next, before uint64
		k := underWay(t, func(d Frame, err error) {
			if d.First != next+1 {
				t.Fatalf("%q: the frame from %d is decided after %d", said, d.First, next)
			}
			next = d.last()
			var refused Refusals
			if errors.As(err, &refused) && (refused[0].Number < d.First || refused[len(refused)-1].Number > d.last()) {
				t.Fatalf("%q: %v is told of the frame from %d", said, err, d.First)
			}
		})
		for line := range bytes.Lines(said) {
			var m message
			if json.Unmarshal(line, &m) != nil || k.hear(m) != nil {
				return
			}
			published, decided := k.Totals()
			if decided < before || decided > published {
				t.Fatalf("%q: %d of %d are decided, and were %d before", said, decided, published, before)
			}
			before = decided
		}
	})
}

// underWay is a connection over which five frames of three events were sent, and nothing was heard of them.
func underWay(t *testing.T, done func(Frame, error)) *connection {
	c, err := New(Config{URL: "ws://gateway/ws"})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := c.PublishFrame(t.Context(), []byte("[]"), 3, done); err != nil {
			t.Fatal(err)
		}
		if err := c.queue.next(t.Context(), new(batch)); err != nil {
			t.Fatal(err)
		}
	}
	return &connection{Client: c}
}
