package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const secretKey = "mr_0123456789abcdef"

// Whoever reads the log or an error must not be able to go on with the session, nor use the key: whatever a gateway, or
// what stands between, says of them.
func TestSecretsAreNotTold(t *testing.T) {
	gateways := map[string]func(g *gateway, secrets *string){
		"answer": func(g *gateway, secrets *string) {
			g.answer = func(connection int, w http.ResponseWriter, r *http.Request) bool {
				*secrets = r.URL.Query().Get("session")
				w.WriteHeader([]int{0, 503, 403}[connection])
				fmt.Fprintf(w, "%s of %s may not: %s", r.Header.Get("Authorization"), r.URL, strings.Repeat("long ", 96)+secretKey)
				return true
			}
		},
		"close": func(g *gateway, secrets *string) {
			g.frame = func(l *line, _ []json.RawMessage) verdict {
				*secrets = g.sessions[0]
				code := []websocket.StatusCode{0, websocket.StatusInternalError, websocket.StatusPolicyViolation}[l.connection]
				_ = l.ws.Close(code, g.sessions[0]+" "+secretKey)
				return lose
			}
		},
		"error": func(g *gateway, secrets *string) {
			g.frame = func(l *line, _ []json.RawMessage) verdict {
				*secrets = g.sessions[0]
				l.say(map[string]any{"type": "error", "code": "no", "message": g.sessions[0] + " " + secretKey})
				return keep
			}
		},
	}
	for name, arrange := range gateways {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				var session string
				arrange(g, &session)
				var log bytes.Buffer
				c.Key, c.Log = secretKey, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				c.URL += "?access_token=tokentoken"
				client := start(t, c)
				outcome := errors.New("none")
				_ = client.Publish(t.Context(), Event{Type: "t"}, func(err error) { outcome = err })
				err := <-client.ended
				if !errors.Is(err, ErrRefused) || !errors.Is(outcome, ErrRefused) {
					t.Fatalf("Run returns %v, the event hears %v", err, outcome)
				}
				all := fmt.Sprint(err, outcome, client.State(), log.String())
				for e := err; e != nil; e = errors.Unwrap(e) {
					all += fmt.Sprintf(" %v %+v %#v", e, e, e)
				}
				for _, secret := range []string{session, secretKey, "tokentoken", secretKey[:6]} {
					if secret == "" || strings.Contains(all, secret) {
						t.Errorf("%q is told: %s", secret, all)
					}
				}
			})
		})
	}
}

// A gateway's words may be cut in the middle of a secret.
func TestBeginningsOfSecretsAreNotTold(t *testing.T) {
	c := Config{URL: "ws://x", Key: secretKey}
	if text := c.hide("may not: "+secretKey[:8], "thesession"); text != "may not: …" {
		t.Errorf("it reads %q", text)
	}
	if text := c.hide("thesession and more", "thesession"); text != "… and more" {
		t.Errorf("it reads %q", text)
	}
}

func TestErrorsOfConnectingDoNotTellTheSession(t *testing.T) {
	c, err := Open(Config{URL: "ws://127.0.0.1:1/ws", Log: slog.New(slog.DiscardHandler), RetryLeast: time.Hour, RetryMost: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	for deadline := time.After(30 * time.Second); c.State().Err == nil; {
		select {
		case <-deadline:
			t.Fatal("nobody listens there, and that is not said")
		case <-time.After(time.Millisecond):
		}
	}
	if text := c.State().Err.Error(); strings.Contains(text, c.queue.session) || !strings.Contains(text, "refused") {
		t.Errorf("nobody listens there: %s", text)
	}
}

func TestTheKeyIsShown(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		shown := ""
		g.answer = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			shown = r.Header.Get("Authorization")
			return false
		}
		c.Key = secretKey
		client := start(t, c)
		defer client.end(t)
		if err := client.Send(t.Context(), Event{Type: "t"}); err != nil || shown != "Bearer "+secretKey {
			t.Errorf("shown is %q: %v", shown, err)
		}
	})
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{URL: "ftp://x"}, {URL: ""}, {URL: "ws://%"}, {URL: "ws:///ws"}, {URL: "ws://x", Window: -1}, {URL: "ws://x", WindowBytes: -1},
		{URL: "ws://x", RetryLeast: time.Minute, RetryMost: time.Second}, {URL: "ws://x", RetryLeast: -1},
		{URL: "ws://x", Key: secretKey + "\n"}, {URL: "ws://u:" + secretKey + "@%zz"}, {URL: "ws://u:" + secretKey},
	} {
		_, err := New(c)
		if err == nil {
			t.Errorf("%+v is accepted", c)
			continue
		}
		if strings.Contains(err.Error(), secretKey) {
			t.Errorf("the key is told: %v", err)
		}
	}
	_, err := New(Config{URL: "ftp://x", Window: -1, Key: " "})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three faults are told as %v", err)
	}
	c, err := New(Config{URL: "ws://x/ws?access=1", RetryMost: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.config.dialURL("s", 7); got != "ws://x/ws?access=1&next=7&session=s" {
		t.Errorf("the address is %s", got)
	}
	if s := newSession(); len(s) < 26 { // of 32 characters each: 5 bits
		t.Errorf("a session's id has %d characters", len(s))
	}
}
