package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/services/e2e/socket"
	"millrace.dev/services/e2e/stack"
)

// A credential may send floodLimit events a second, and floodBurst at once. Those who behave send a quarter of the
// limit; who floods, 50 times the limit.
const (
	floodLimit = 40
	floodBurst = 100
	floodFrame = 20
	floodStep  = time.Second * floodFrame / (50 * floodLimit)
	calmStep   = time.Second * 4 / floodLimit
)

// One client of a hundred sends 50 times what it may, first on a connection whose refusals it passes over, then as a
// session that does not hear slow. The other 99 notice nothing: each event is acknowledged, none is refused or held
// back, and their rate is what it was. MILLRACE_SEEDS=3000 makes it five times as long.
func TestFloodOfOneHurtsNoOther(t *testing.T) {
	long := time.Duration(rounds(t, 3, 15)) * time.Second
	s := stack.New(t, stack.Durable())
	admin, flooding := s.Key("admin", access.All), s.Key("flooder", access.Publish)
	gateway := s.Gateway(fmt.Sprintf("--limit-events-per-credential=%d", floodLimit), fmt.Sprintf("--max-batch=%d", floodBurst))
	gateway.AwaitReady()
	calm := keyed(t, s, gateway, 99)
	while := func() stack.Fared {
		ctx, end := context.WithTimeout(t.Context(), long)
		defer end()
		return calm.Run(ctx, calmStep)
	}
	before := while()
	t.Logf("99 who behave, alone:                     %v", before)

	began := time.Now()
	anonymous := flood(t, gateway, "anonymous", "", flooding)
	fared := while()
	anonymous.finish()
	t.Logf("beside a connection that floods:          %v (%d events flooded, %d refused)", fared, anonymous.sent, anonymous.refused)
	keptUp(t, long, fared)

	session := flood(t, gateway, "session", stack.AsSession("flooding"), flooding)
	fared = while()
	session.leave()
	t.Logf("beside a session that does not hear slow: %v (%d events flooded, slow heard %d times)", fared, session.sent, session.slow)
	keptUp(t, long, fared)
	if session.slow == 0 || session.refused > 0 {
		t.Errorf("the session was refused %d events, and told to be slow %d times", session.refused, session.slow)
	}

	stored := s.Stored().Each()
	most := floodBurst + int(floodLimit*time.Since(began).Seconds()) + floodFrame // the last one may go into debt
	flooded := take(stored, "flood-")
	if flooded > most || flooded < floodBurst {
		t.Errorf("%d flooded events are stored, where %d to %d were allowed", flooded, floodBurst, most)
	}
	if sent, calm := anonymous.sent+session.sent, int(2*floodLimit*long.Seconds()); sent < 10*calm {
		t.Errorf("%d events are no flood where %d may be sent in that time", sent, calm)
	}
	stack.SameIDs(t, "stored", calm.Sent(), stored)
	if held := rejectsOf(t, gateway, admin, "rate_limited"); len(held) != 1 || held[0].Credential != "flooder" || held[0].Count != anonymous.refused {
		t.Errorf("counted: %+v; the flooder heard of %d refusals", held, anonymous.refused)
	}
	if anonymous.refused == 0 || anonymous.acked != anonymous.sent {
		t.Errorf("of %d events of the connection %d are decided, %d of them refused", anonymous.sent, anonymous.acked, anonymous.refused)
	}
}

// keyed are clients with a key each, every other one a session.
func keyed(t *testing.T, s *stack.Stack, gateway *stack.Service, clients int) stack.Crowd {
	t.Helper()
	var headers []http.Header
	for i := range clients {
		headers = append(headers, s.Key(fmt.Sprintf("calm-%d", i), access.Publish))
	}
	stack.Await(t, "the last key opens the gateway", func() (int, bool) {
		status, _ := do(t, gateway, http.MethodGet, "/api/control", headers[clients-1], nil)
		return status, status == http.StatusForbidden // it is known, and may only publish
	})
	var calm stack.Crowd
	for i, header := range headers {
		name, query := fmt.Sprintf("calm-%d", i), ""
		if i%2 == 0 {
			query = stack.AsSession(name)
		}
		calm = append(calm, s.Steady(name, gateway, query, header))
	}
	return calm
}

// keptUp checks that a crowd of 99 had the rate of its clock, as far as a busy machine can tell.
func keptUp(t *testing.T, long time.Duration, f stack.Fared) {
	t.Helper()
	want := 99 * float64(long/calmStep)
	if float64(f.Events) < 0.8*want || f.Rate < 0.8*want/long.Seconds() {
		t.Errorf("in %v they sent %d events, %.0f/s; their clock says %.0f", long, f.Events, f.Rate, want)
	}
}

// take counts the ids that begin so, and takes them out.
func take(ids map[string]int, prefix string) (events int) {
	for id, n := range ids {
		if strings.HasPrefix(id, prefix) {
			events += n
			delete(ids, id)
		}
	}
	return events
}

// flooder sends at a pace of its own, and takes no notice of what it hears but to count it.
type flooder struct {
	t      *testing.T
	socket *socket.Socket
	stop   context.CancelFunc
	writer sync.WaitGroup
	reader sync.WaitGroup

	mu                         sync.Mutex
	sent, acked, refused, slow int
	other                      []string
}

// flood begins to flood; it ends with finish, leave, or the test.
func flood(t *testing.T, gateway *stack.Service, name, query string, header http.Header) *flooder {
	t.Helper()
	ws, err := socket.Dial(t.Context(), gateway.Addr("http"), query, header)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	f := &flooder{t: t, socket: ws, stop: stop}
	f.writer.Go(func() { f.write(ctx, "flood-"+name) })
	f.reader.Go(f.read)
	t.Cleanup(f.leave)
	return f
}

func (f *flooder) write(ctx context.Context, name string) {
	clock := time.NewTicker(floodStep)
	defer clock.Stop()
	began := time.Now()
	for frames := 1; ; frames++ {
		if time.Since(began) < floodStep*time.Duration(frames) {
			select {
			case <-clock.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return
		}
		from := (frames-1)*floodFrame + 1
		if _, err := f.socket.Write(socket.Frame(socket.Text, stack.Events(name, from, from+floodFrame-1))); err != nil {
			return // it left
		}
		f.mu.Lock()
		f.sent += floodFrame
		f.mu.Unlock()
	}
}

func (f *flooder) read() {
	for {
		text, err := f.socket.Message()
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			m.Type = err.Error()
		}
		f.mu.Lock()
		switch {
		case m.Type == "ack":
			f.acked = m.Seq
		case m.Type == "error" && m.Code == "rate_limited" && m.Retryable:
			f.refused++
		case m.Type == "slow" && m.Code == "rate_limited":
			f.slow++
		case m.Type != "go" && m.Type != "ping":
			f.other = append(f.other, text)
		}
		f.mu.Unlock()
	}
}

// finish stops to flood, and waits until all events are decided.
func (f *flooder) finish() {
	f.t.Helper()
	f.stop()
	f.writer.Wait()
	stack.Await(f.t, "all flooded events are decided", func() (int, bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.acked, f.acked == f.sent
	})
	f.leave()
}

// leave ends the connection without a word.
func (f *flooder) leave() {
	f.stop()
	_ = f.socket.Close()
	f.writer.Wait()
	f.reader.Wait()
	if len(f.other) > 0 {
		f.t.Errorf("who floods hears %s", f.other[0])
	}
}

// reject is a row of /debug/rejects.
type reject struct {
	Reason, Source, Credential, Address string
	Count                               int
}

// rejectsOf are the rows of one reason.
func rejectsOf(t *testing.T, gateway *stack.Service, header http.Header, reason string) []reject {
	t.Helper()
	var report struct{ Rejects []reject }
	status, body := do(t, gateway, http.MethodGet, "/debug/rejects", header, nil)
	if err := json.Unmarshal(body, &report); err != nil || status != http.StatusOK {
		t.Fatalf("/debug/rejects: %d %s", status, body)
	}
	return slices.DeleteFunc(report.Rejects, func(r reject) bool { return r.Reason != reason })
}
