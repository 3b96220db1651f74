package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Target is the gateway that a command talks to.
type Target struct {
	URL string `name:"url" default:"ws://127.0.0.1:8000/ws" env:"MILLRACE_URL" help:"The gateway's WebSocket; its HTTP is asked at the same address."`
	Key string `name:"key" env:"MILLRACE_KEY" help:"API key."`
}

// answerTimeout bounds a question to the gateway.
const answerTimeout = 5 * time.Second

// errNotAllowed: the gateway is there, and does not let this key see that. Asking again would end the same.
var errNotAllowed = errors.New("not allowed")

// said is what the body of a refusal says, to follow its status.
func said(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, 500))
	var answer struct {
		Message string `json:"message"`
	}
	text := string(b)
	if json.Unmarshal(b, &answer) == nil && answer.Message != "" {
		text = answer.Message
	}
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		return ""
	}
	return ": " + strings.Map(printable, text)
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// checkKey says what is wrong with a key, and shows nothing of it. Only visible ASCII goes in a header, and a token has
// nothing else: what is there beside it was copied with it.
func (t Target) checkKey() error {
	if strings.ContainsFunc(t.Key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return usage("--key: it has characters that no key has, such as a space or the end of a line")
	}
	return nil
}

// http is the gateway's HTTP address of a path, for whom --key can be shown.
func (t Target) http(path string) (string, error) {
	if err := t.checkKey(); err != nil {
		return "", err
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return "", usage("--url: %v", err)
	}
	switch u.Scheme {
	case "ws", "http":
		u.Scheme = "http"
	case "wss", "https":
		u.Scheme = "https"
	default:
		return "", usage("--url: %q is none of ws://, wss://, http://, https://", t.URL)
	}
	u.Path, u.RawQuery = path, ""
	return u.String(), nil
}

// ask gets JSON from the gateway. A gateway that does not answer is Exit{69}, one that
// refuses to is errNotAllowed.
func (t Target) ask(ctx context.Context, path string, answer any) error {
	address, err := t.http(path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return usage("--url: %v", err)
	}
	if t.Key != "" {
		r.Header.Set("Authorization", "Bearer "+t.Key)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return unavailable(fmt.Errorf("asking the gateway: %w", err))
	}
	defer w.Body.Close()
	switch w.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest:
		return fmt.Errorf("%w: %s answers %s%s", errNotAllowed, address, w.Status, said(w.Body))
	default:
		return unavailable(fmt.Errorf("%s answers %s", address, w.Status))
	}
	if err := json.NewDecoder(w.Body).Decode(answer); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", address, err)
	}
	return nil
}

// webSocket is the address that events are sent to: /ws, where the URL has no path.
func (t Target) webSocket() string {
	u, err := url.Parse(t.URL)
	if err != nil {
		return t.URL // the client says what is wrong with it
	}
	if scheme, ok := map[string]string{"http": "ws", "https": "wss"}[u.Scheme]; ok {
		u.Scheme = scheme
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/ws"
	}
	return u.String()
}
