package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/coder/websocket"
)

// message is what a gateway sends, all kinds in one.
type message struct {
	Type      string `json:"type"`
	Seq       uint64 `json:"seq"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	Help      string `json:"help"`
	Retryable bool   `json:"retryable"`

	Session     string `json:"session"`
	Next        uint64 `json:"next"`
	Resumed     bool   `json:"resumed"`
	Incarnation string `json:"incarnation"`
	Durability  string `json:"durability"`
	HeartbeatMS int64  `json:"heartbeat_ms"`
	MaxBatch    int    `json:"max_batch"`
	MaxFrame    int    `json:"max_frame_bytes"`

	ReconnectAfterMS int64 `json:"reconnect_after_ms"`
}

// longestMessage is the most bytes of a message of the gateway: all of them are short, but a refusal quotes a name.
const longestMessage = 64 << 10

// receive reads one message.
func receive(ctx context.Context, ws *websocket.Conn) (m message, err error) {
	_, b, err := ws.Read(ctx)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%w: a message of it: %w", errBroken, err)
	}
	return m, nil
}

const (
	// silentBeats is for how many heartbeats a gateway may say nothing before it is taken for gone, and silence how
	// long if it does not tell its heartbeat. Writes have no other bound: a gateway that holds us back reads
	// nothing, for as long as Redis is away, but lets its heart be heard.
	silentBeats = 3
	silence     = 90 * time.Second
	// shortestSilence and longestSilence bound what a gateway may ask for.
	shortestSilence = time.Second
	longestSilence  = 10 * time.Minute
)

// patience is how long this gateway, by its greeting, may be silent.
func (m message) patience() time.Duration {
	if m.HeartbeatMS <= 0 {
		return silence
	}
	beats := min(m.HeartbeatMS, longestSilence.Milliseconds())
	return min(max(silentBeats*time.Duration(beats)*time.Millisecond, shortestSilence), longestSilence)
}

// Bounds of what a gateway may call its limits (event.Limits.Check).
const (
	mostBatch = 100_000
	mostFrame = 256 << 20
)

// setLimits takes the limits of a greeting; those that it does not tell stay.
func (q *queue) setLimits(m message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if m.MaxBatch > 0 {
		q.maxBatch = min(m.MaxBatch, mostBatch)
	}
	if m.MaxFrame > 0 {
		q.maxFrame = min(m.MaxFrame, mostFrame)
	}
}

// refusal is what an error says of one event.
func (m message) refusal() Refusal {
	return Refusal{
		Number: m.Seq, Code: clip(m.Code, 100), Message: clip(m.Message, longestText), Help: clip(m.Help, longestText),
		Retryable: m.Retryable,
	}
}
