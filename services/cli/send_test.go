package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/client"
)

// sending runs `send` against a gateway that answers so.
func sending(t *testing.T, in string, stats, ws http.HandlerFunc) (out, said string, err error) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/stats", stats)
	mux.HandleFunc("GET /ws", ws)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	err = Send{
		Target: Target{URL: "ws" + strings.TrimPrefix(server.URL, "http") + "/ws", Key: "mr_key_of_the_test"}, Frame: 100,
		Patience: time.Second, In: strings.NewReader(in), Out: &stdout, Err: &stderr,
	}.Run(ctx)
	return stdout.String(), stderr.String(), err
}

// refusing answers with a status, and why.
func refusing(status int, why string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"code":"no","message":%q}`, why)
	}
}

// taking is a gateway that acknowledges all and refuses events that are named bad. It drops the first connection after
// the first frame, and has forgotten it then.
func taking(t *testing.T, forgetful bool) http.HandlerFunc {
	var connections atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		connection := connections.Add(1)
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.CloseNow()
		say := func(format string, args ...any) {
			_ = ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...))
		}
		next := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("next"), &next)
		say(`{"type":"hello","next":%d,"resumed":%v,"incarnation":"%d"}`, next, connection > 1 && !forgetful, connection)
		for {
			_, b, err := ws.Read(context.Background())
			if err != nil {
				return
			}
			if forgetful && connection == 1 {
				return
			}
			var events []json.RawMessage
			_ = json.Unmarshal(b, &events)
			for _, e := range events {
				if strings.Contains(string(e), "bad") {
					say(`{"type":"error","seq":%d,"code":"invalid_event","message":"it is bad"}`, next)
				}
				next++
			}
			say(`{"type":"ack","seq":%d}`, next-1)
		}
	}
}

const twoLines = `{"type":"t"}` + "\n" + `{"type":"bad"}` + "\n"

// A gateway that refuses is not one that can't be reached: who sends reads why, and nothing is tried again.
func TestSendIsRefused(t *testing.T) {
	for _, status := range []int{400, 401, 403, 421} {
		refused := refusing(status, "the key has no scope publish")
		_, _, err := sending(t, twoLines, refusing(http.StatusUnauthorized, "no"), refused)
		if CodeOf(err) != ExitFailed || !strings.Contains(err.Error(), "the key has no scope publish") ||
			strings.Contains(err.Error(), "mr_key_of_the_test") {
			t.Errorf("%d: exit code %d: %v", status, CodeOf(err), err)
		}
	}
}

// A key that may only publish sends, and nothing is compared.
func TestSendWithoutScopeRead(t *testing.T) {
	out, said, err := sending(t, `{"type":"t"}`, refusing(http.StatusForbidden, "it needs the scope read"), taking(t, false))
	if err != nil || !strings.Contains(out, "lines 1  acknowledged 1  refused 0") || !strings.Contains(said, "not compared") ||
		!strings.Contains(said, "it needs the scope read") {
		t.Errorf("%v\n%s%s", err, out, said)
	}
}

func TestSendShowsWhatIsRefused(t *testing.T) {
	out, said, err := sending(t, twoLines, refusing(http.StatusForbidden, ""), taking(t, false))
	if CodeOf(err) != ExitFailed || !strings.Contains(out, "lines 2  acknowledged 1  refused 1") ||
		!strings.Contains(said, "event 2 refused: invalid_event: it is bad") {
		t.Errorf("%v\n%s%s", err, out, said)
	}
}

func TestSendShowsWhatIsLost(t *testing.T) {
	out, said, err := sending(t, `{"type":"t"}`, refusing(http.StatusForbidden, ""), taking(t, true))
	if err != nil || !strings.Contains(out, "acknowledged 1") || !strings.Contains(said, "events 1 to 1 may be stored twice") {
		t.Errorf("%v\n%s%s", err, out, said)
	}
}

// What a session ended before is neither stored nor refused.
func TestTallyOfUndecided(t *testing.T) {
	told := &tally{out: io.Discard}
	told.decide(client.Frame{Events: 3}, nil)
	told.decide(client.Frame{Events: 5}, client.ErrClosed)
	told.decide(client.Frame{Events: 2}, client.Refusals{{Number: 4}})
	if told.stored() != 4 || told.spoilt != 1 {
		t.Errorf("stored %d, refused %d", told.stored(), told.spoilt)
	}
}
