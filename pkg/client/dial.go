package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// connectTimeout bounds a handshake up to the greeting.
const connectTimeout = 10 * time.Second

// dial connects and waits for the greeting: nothing is sent before.
func (c *Client) dial(ctx context.Context, session string, next uint64) (*websocket.Conn, message, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	header := http.Header{}
	if c.config.Key != "" {
		header.Set("Authorization", "Bearer "+c.config.Key)
	}
	ws, response, err := websocket.Dial(ctx, c.config.dialURL(session, next), &websocket.DialOptions{
		HTTPClient: c.config.HTTP, HTTPHeader: header,
	})
	if err != nil {
		return nil, message{}, answered(response, err)
	}
	ws.SetReadLimit(longestMessage)
	hello, err := receive(ctx, ws)
	if err == nil {
		err = hello.greets(session, next)
	}
	if err != nil {
		ws.CloseNow()
		return nil, hello, ended(err)
	}
	return ws, hello, nil
}

// greets says what is wrong with the first message. A gateway that counts otherwise than we do would acknowledge other
// events than it stored.
func (m message) greets(session string, next uint64) error {
	switch {
	case m.Type != "hello":
		return fmt.Errorf("%w: its first message is %q, not hello: %s", errBroken, clip(m.Type, 100), m.Message)
	case m.Session != "" && m.Session != session:
		return fmt.Errorf("%w: it greets another session", errBroken)
	case m.Next != 0 && m.Next != next:
		return fmt.Errorf("%w: it expects event %d, not %d", errBroken, m.Next, next)
	}
	return nil
}

// answered is the error of a handshake. An answer is the gateway's word on whether to come again, and when.
func answered(r *http.Response, err error) error {
	if r == nil {
		return err
	}
	status := fmt.Sprintf("%d %s", r.StatusCode, http.StatusText(r.StatusCode))
	if said := reason(r); said != "" {
		status += ": " + said
	}
	if lasting(r.StatusCode) {
		return fmt.Errorf("%w: %s", ErrRefused, status)
	}
	return &later{errors.New("the gateway answers " + status), retryAfter(r.Header), false}
}

// lasting says whether an answer to the handshake will be the same next time. One below 400 is not a gateway's.
func lasting(status int) bool {
	return status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// reason is what the body of an answer says: its message, if it is JSON with one, or itself.
func reason(r *http.Response) string {
	if r.Body == nil {
		return ""
	}
	b, _ := io.ReadAll(io.LimitReader(r.Body, 2*longestText)) // what has come will do
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(b, &said) == nil && said.Message != "" {
		return said.Message
	}
	return strings.TrimSpace(string(b))
}

// ended turns a close code into an error, by the one rule that clients go by.
func ended(err error) error {
	if final(websocket.CloseStatus(err)) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// final says whether a close code forbids to reconnect.
func final(code websocket.StatusCode) bool {
	switch code {
	case websocket.StatusProtocolError, websocket.StatusUnsupportedData, websocket.StatusInvalidFramePayloadData,
		websocket.StatusPolicyViolation, websocket.StatusMessageTooBig:
		return true
	}
	return code >= 4500 && code <= 4999
}
