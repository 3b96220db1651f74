package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"millrace.dev/services/e2e/stack"
)

// sessionsPerAddress is how many sessions and idempotency keys may begin a second, and at once.
const sessionsPerAddress = 5

// guarded is a gateway behind a trusted proxy, which counts by the addresses that the proxy says.
func guarded(s *stack.Stack) *stack.Service {
	gateway := s.Gateway("--trusted-proxies=127.0.0.1", "--allow-anonymous", fmt.Sprintf("--limit-sessions-per-address=%d", sessionsPerAddress))
	gateway.AwaitReady()
	return gateway
}

// Sessions that only connect fill nothing, however many they are. An address may begin a few a second; those that are
// known come in all the same.
func TestAbuseByNewSessions(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := guarded(s)
	foot := measure(t, gateway)
	ours := from("203.0.113.7")
	ws := open(t, gateway, stack.AsSession("known"), ours)
	say(t, ws, `{"type":"x"}`)
	ackedUpTo(t, ws, 1)
	keys := remembered(s)
	for i := range 1000 {
		_ = open(t, gateway, stack.AsSession(fmt.Sprintf("idle-%d", i)), from(fmt.Sprintf("198.51.%d.%d", i/200, i%200))).Close()
	}
	if n := remembered(s); n != keys {
		t.Errorf("there were %d keys of sessions, and %d after 1,000 sessions that sent nothing", keys, n)
	}
	greed := newGreed()
	for i := range 60 {
		_, refused := upgraded(t, gateway, stack.AsSession(fmt.Sprintf("greedy-%d", i)), ours)
		status := http.StatusSwitchingProtocols
		if refused != nil {
			status = refused.Status
		}
		greed.note(t, status, refused == nil || refused.Code == "rate_limited" && refused.Header.Get("Retry-After") != "")
	}
	greed.check(t, gateway, "/ws")
	if _, refused := upgraded(t, gateway, stack.AsSession("known"), ours); refused != nil {
		t.Errorf("a session that is known is refused: %v", refused)
	}
	foot.within(150)
}

// The same for requests that name themselves: a key that is refused is not kept, and one that is known is answered as
// the first time.
func TestAbuseByIdempotencyKeys(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := guarded(s)
	send := func(key string) (status int, answer string) {
		header := from("203.0.113.7")
		header.Set("Idempotency-Key", key)
		status, body := do(t, gateway, http.MethodPost, "/api/events", header, []byte(`{"type":"x"}`))
		return status, string(body)
	}
	key := func(i int) string { return fmt.Sprintf("key-%d-0123456789012345678901", i) }
	first, answer := send(key(0))
	greed := newGreed()
	greed.note(t, first, true)
	for i := range 60 {
		status, said := send(key(i + 1))
		greed.note(t, status, status == http.StatusAccepted || strings.Contains(said, `"rate_limited"`))
	}
	greed.check(t, gateway, "/http")
	if status, again := send(key(0)); status != http.StatusAccepted || again != answer {
		t.Errorf("a key that is known is answered with %d %s, not as at first: %s", status, again, answer)
	}
	if n := len(s.Stored().Each()); n != greed.in {
		t.Errorf("%d requests were accepted, and %d events are stored", greed.in, n)
	}
	if n := remembered(s); n != 2*greed.in {
		t.Errorf("%d requests left %d keys, not a claim and a mark for each", greed.in, n)
	}
}

// remembered is how many keys Redis has of sessions and of requests that name themselves, but for the gateway's own.
func remembered(s *stack.Stack) int {
	n := 0
	for _, pattern := range []string{"millrace:1:*:mark:*", "millrace:1:*:claim:*"} {
		n += len(strings.Fields(s.RedisCommand("KEYS", pattern)))
	}
	return n
}

// greed is what one address gets that begins as many sessions as it can.
type greed struct {
	began   time.Time
	in, out int
}

func newGreed() *greed { return &greed{began: time.Now()} }

// note counts one answer; as it should be said well tells the rest of it.
func (g *greed) note(t *testing.T, status int, well bool) {
	t.Helper()
	switch status {
	case http.StatusSwitchingProtocols, http.StatusAccepted:
		g.in++
	case http.StatusTooManyRequests:
		g.out++
	default:
		t.Errorf("a new session or key is answered with %d", status)
	}
	if !well {
		t.Errorf("a refusal with %d does not say why, or when to come again", status)
	}
}

// check compares what was let in with the rate, and what was not with what is counted.
func (g *greed) check(t *testing.T, gateway *stack.Service, path string) {
	t.Helper()
	most := sessionsPerAddress + int(sessionsPerAddress*time.Since(g.began).Seconds()) + 1
	if g.in > most || g.in < sessionsPerAddress-1 || g.out == 0 {
		t.Errorf("%d were let in and %d not, where %d to %d were allowed", g.in, g.out, sessionsPerAddress-1, most)
	}
	held := rejectsOf(t, gateway, nil, "rate_limited")
	if len(held) != 1 || held[0].Address != "203.0.113.7" || held[0].Source != path || held[0].Count != g.out {
		t.Errorf("%d refusals are counted as %+v", g.out, held)
	}
}

// Ids that are made to be mistaken for something else are refused, or name a session and nothing more.
func TestAbuseBySessionIDs(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway("--trusted-proxies=127.0.0.1", "--allow-anonymous")
	gateway.AwaitReady()
	ours := from("203.0.113.7")
	long := strings.Repeat("x", 30)
	for _, query := range []string{
		"session=&next=1", "session=short&next=1", "session=" + strings.Repeat("x", 129) + "&next=1", "session=" + long, "next=1",
		"session=" + long + "&next=0", "session=" + long + "&next=-1", "session=" + long + "&next=9007199254740992",
		"session=" + long + "&next=18446744073709551617", "session=" + long + "&next=1e3",
		"session=" + url.QueryEscape(long+"\r\nX: y") + "&next=1", "session=" + long + "%00&next=1", "session=" + long + "%ff&next=1",
		"session=" + url.QueryEscape(long+" é") + "&next=1",
	} {
		if _, refused := upgraded(t, gateway, "?"+query, ours); refused == nil || refused.Status != http.StatusBadRequest {
			t.Errorf("%s: answered with %v, want 400", query, refused)
		}
	}
	odd := []string{"{p0}:ledger", "}:{p1}", "*", "mark:known", "../../etc/passwd", "%s%n%d", `"\u0000"`, "';FLUSHALL;'", "$(reboot)", "<script>"}
	for _, id := range odd {
		ws := open(t, gateway, "?session="+url.QueryEscape(id+"/"+long)+"&next=1", ours)
		say(t, ws, `{"type":"x"}`)
		ackedUpTo(t, ws, 1)
		say(t, ws, `{"type":"x"}`)
		ackedUpTo(t, ws, 2)
	}
	counters := s.Counters()
	if n := len(s.Stored().Each()); n != 2*len(odd) || counters["accepted"] != uint64(n) || counters["duplicates"] != 0 {
		t.Errorf("%d sessions sent two events each: %d are stored, the ledger says %v", len(odd), n, counters)
	}
}
