package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestCloseCodes(t *testing.T) {
	final := []websocket.StatusCode{1002, 1003, 1007, 1008, 1009, 4500, 4999}
	others := []websocket.StatusCode{1000, 1001, 1010, 1011, 1012, 1013, 3000, 4000, 4499, 0}
	for _, code := range slices.Concat(final, others) {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.frame = func(l *line, _ []json.RawMessage) verdict {
					if l.connection > 1 {
						return take
					}
					if code != 0 { // 0: the connection ends without one
						_ = l.ws.Close(code, "because")
					}
					return lose
				}
				client := start(t, c)
				var outcome error
				_ = client.Publish(t.Context(), Event{Type: "t"}, func(err error) { outcome = err })
				err := client.Flush(t.Context())
				if !slices.Contains(final, code) {
					if err != nil || outcome != nil || g.dialled() != 2 {
						t.Errorf("after %d connections: %v", g.dialled(), err)
					}
					client.end(t)
					return
				}
				if run := <-client.ended; !errors.Is(run, ErrRefused) || !errors.Is(err, ErrRefused) || !strings.Contains(run.Error(), "because") {
					t.Errorf("Run returns %v, Flush %v", run, err)
				}
				if !errors.Is(outcome, ErrRefused) {
					t.Errorf("the event hears %v", outcome)
				}
				if err := client.Publish(t.Context(), Event{Type: "t"}, nil); !errors.Is(err, ErrRefused) {
					t.Errorf("Publish after it returns %v", err)
				}
				pass(time.Hour)
				if g.dialled() != 1 {
					t.Errorf("%d connections", g.dialled())
				}
			})
		})
	}
}

// The close code counts even if a write that is under way fails first.
func TestCloseCodeIsHeardWhileWriting(t *testing.T) {
	for range 20 {
		withGateway(t, func(t *testing.T, g *gateway, c Config) {
			g.frame = func(l *line, _ []json.RawMessage) verdict {
				_ = l.ws.Close(websocket.StatusInvalidFramePayloadData, "")
				return lose
			}
			client := start(t, c)
			for n := range 100 {
				_ = client.PublishFrame(t.Context(), numbered(n), 1, nil)
			}
			if err := <-client.ended; !errors.Is(err, ErrRefused) || g.dialled() != 1 {
				t.Errorf("after %d connections: %v", g.dialled(), err)
			}
		})
	}
}

func TestHandshakeStatus(t *testing.T) {
	statuses := map[int]bool{400: true, 401: true, 403: true, 404: true, 421: true, 408: false, 429: false, 500: false, 503: false}
	for status, final := range statuses {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.status = func(connection int) int {
					if connection < 3 {
						return status
					}
					return 0
				}
				client := start(t, c)
				err := client.Send(t.Context(), Event{Type: "t"}) // before the answer or after it
				if final {
					if run := <-client.ended; !errors.Is(run, ErrRefused) || !errors.Is(err, ErrRefused) || g.dialled() != 1 {
						t.Errorf("after %d handshakes Run returns %v, Send %v", g.dialled(), run, err)
					}
					return
				}
				if err != nil || g.dialled() != 3 {
					t.Errorf("after %d handshakes Send returns %v", g.dialled(), err)
				}
				client.end(t)
			})
		})
	}
}

// The user reads why a gateway refuses, whatever form its answer has, on one line that is not too long.
func TestHandshakeSaysWhy(t *testing.T) {
	for name, is := range map[string]struct{ body, want string }{
		"text":    {"the key has no scope publish\n", "403 Forbidden: the key has no scope publish"},
		"JSON":    {`{"code":"forbidden","message":"the key is revoked"}`, "403 Forbidden: the key is revoked"},
		"nothing": {"", "403 Forbidden"},
		"hostile": {"a\x1b[31m\nb\xff", "403 Forbidden: a [31m b "},
		"endless": {strings.Repeat("long ", 1<<18), "403 Forbidden: long long"},
	} {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				g.answer = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
					w.WriteHeader(http.StatusForbidden)
					_, _ = w.Write([]byte(is.body))
					return true
				}
				err := <-start(t, c).ended
				if err == nil || !strings.Contains(err.Error(), is.want) || len(err.Error()) > longestText+10 {
					t.Errorf("Run returns %v", err)
				}
			})
		})
	}
}

// Retry-After is the least that is waited, up to a bound.
func TestRetryAfter(t *testing.T) {
	for header, least := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "-5": 0, "": 0, "soon": 0, "9223372036854775807": longestWish,
	} {
		t.Run(header, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				var waited time.Duration
				began := time.Now()
				g.answer = func(connection int, w http.ResponseWriter, _ *http.Request) bool {
					if connection > 1 {
						waited = time.Since(began)
						return false
					}
					w.Header().Set("Retry-After", header)
					w.WriteHeader(http.StatusServiceUnavailable)
					return true
				}
				client := start(t, c)
				defer client.end(t)
				_ = client.Send(t.Context(), Event{Type: "t"})
				if waited < least || waited > least+time.Second {
					t.Errorf("it waited %v", waited)
				}
			})
		})
	}
}
