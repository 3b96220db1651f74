package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// An operator stops intake: anonymous senders are refused and told to try again, a named session waits and loses
// nothing, and what is resumed is taken where it stood.
func TestPauseAndResume(t *testing.T) {
	s, gateway, _ := stack.Whole(t)
	anonymous := connect(t, gateway, "")
	session := connect(t, gateway, "?session=0123456789012345678901&next=1")
	session.say(string(stack.Events("session", 1, 1)))
	session.acked(1)

	operator(t, s, gateway, "pause", "--why=the warehouse is full")
	anonymous.say(string(stack.Events("refused", 1, 2)))
	refused := anonymous.acked(2)
	if len(refused) != 2 || refused[0].Code != "paused" || refused[1].Code != "paused" || !refused[0].Retryable {
		t.Errorf("an anonymous sender hears %+v", refused)
	}
	expectPaused(t, gateway)
	session.say(string(stack.Events("session", 2, 3)))
	for m := session.hear(); m.Type != "slow" || m.Code != "paused"; m = session.hear() {
		if m.Type == "ack" || m.Type == "error" {
			t.Fatalf("while intake is paused a named session hears %+v", m)
		}
	}
	if n := s.Counters()["accepted"]; n != 1 {
		t.Errorf("%d events are stored, 1 was sent before the pause", n)
	}
	c := controlOf(t, gateway)
	if !c.Paused || c.Pause == nil || c.Pause.Why != "the warehouse is full" || c.Pause.By == "" || time.Since(c.Pause.At) > time.Minute {
		t.Errorf("GET /api/control says %+v", c)
	}

	operator(t, s, gateway, "resume")
	goes := false
	for m := session.hear(); m.Type != "ack" || m.Seq < 3; m = session.hear() {
		goes = goes || m.Type == "go"
		if m.Type == "error" {
			t.Fatalf("after the pause a named session hears %+v", m)
		}
	}
	if !goes {
		t.Error("nobody said that it goes on")
	}
	anonymous.say(string(stack.Events("anonymous", 1, 1)))
	if refused := anonymous.acked(3); len(refused) > 0 {
		t.Errorf("after the pause an anonymous sender hears %+v", refused)
	}
	if c := controlOf(t, gateway); c.Paused || len(c.Log) != 2 || c.Log[0].What != "resumed" || c.Log[1].Why != "the warehouse is full" {
		t.Errorf("GET /api/control says %+v", c)
	}
	ids := []string{stack.ID("session", 1), stack.ID("session", 2), stack.ID("session", 3), stack.ID("anonymous", 1)}
	s.Stored().Exactly(ids)
	s.AwaitProcessed(len(ids))
}

// The pause is there after a restart of whatever it is known to: no event slips in.
func TestPauseSurvivesRestarts(t *testing.T) {
	s, gateway, _ := stack.Whole(t)
	operator(t, s, gateway, "pause", "--why=upgrade")
	before := controlOf(t, gateway)
	for what, restart := range map[string]func(){
		"the gateway, stopped": func() { gateway.Stop(); gateway.Again() },
		"the gateway, killed":  func() { gateway.Kill(); gateway.Again() },
		"Redis":                func() { s.Redis.Kill(); s.Redis.Start() },
	} {
		restart()
		gateway.AwaitReady()
		expectPaused(t, gateway)
		if now := controlOf(t, gateway); now.Pause == nil || *now.Pause != *before.Pause {
			t.Errorf("after a restart of %s: %+v", what, now)
		}
	}
	if n := s.Counters()["accepted"]; n != 0 {
		t.Errorf("%d events are stored", n)
	}
	operator(t, s, gateway, "resume")
	if status, _ := post(t, gateway, "application/json", stack.Events("a", 1, 1)); status != http.StatusAccepted {
		t.Errorf("after the pause a post is answered with %d", status)
	}
}

// What one gateway is told, the others do within a second: pause, limits, and their end.
func TestControlReachesAllGateways(t *testing.T) {
	s := stack.New(t, stack.Durable())
	here, there := s.Gateway(), s.Gateway()
	here.AwaitReady()
	there.AwaitReady()
	follows := func(what string, ok func(controlState) bool) {
		t.Helper()
		stack.AwaitWithin(t, time.Second, what, func() (controlState, bool) {
			c := controlOf(t, there)
			return c, ok(c)
		})
	}
	operator(t, s, here, "pause")
	follows("the other gateway is paused", func(c controlState) bool { return c.Paused })
	expectPaused(t, there)
	operator(t, s, here, "resume")
	follows("the other gateway goes on", func(c controlState) bool { return !c.Paused })
	if out := operator(t, s, here, "limit", "5000/s", "--set=connections=100"); !strings.Contains(out, "5000/s") || !strings.Contains(out, "run time") {
		t.Errorf("limit prints %s", out)
	}
	follows("the other gateway limits", func(c controlState) bool {
		return c.Limits["events-per-credential"] == 5000 && c.Limits["connections"] == 100
	})
	operator(t, s, there, "limit", "off")
	if c := controlOf(t, there); len(c.Limits) != 0 {
		t.Errorf("after limit off: %v", c.Limits)
	}
	if _, code := s.Command("limit", "--url="+here.WebSocket(), "much"); code != 64 {
		t.Errorf("a rate that is none: exit code %d", code)
	}
	if _, code := s.Command("pause", "--url=ws://127.0.0.1:1/ws"); code != 69 {
		t.Errorf("nobody there: exit code %d", code)
	}
}

// controlState is what GET /api/control says.
type controlState struct {
	Paused bool
	Pause  *controlChange
	Limits map[string]float64
	Log    []controlChange
}

type controlChange struct {
	At            time.Time
	By, What, Why string
}

func controlOf(t *testing.T, gateway *stack.Service) controlState {
	t.Helper()
	var c controlState
	gateway.GetJSON("/api/control", &c)
	return c
}

// operator runs a command at a gateway, which must succeed, and returns what it prints.
func operator(t *testing.T, s *stack.Stack, gateway *stack.Service, command string, args ...string) string {
	t.Helper()
	p, code := s.Command(append([]string{command, "--url=" + gateway.WebSocket()}, args...)...)
	if code != 0 {
		t.Fatalf("%s %v: exit code %d: %s %s", command, args, code, p.Output(), p.Log())
	}
	return p.Output()
}

// expectPaused posts an event, which must be refused with the time after which to try again.
func expectPaused(t *testing.T, gateway *stack.Service) {
	t.Helper()
	client := http.Client{Timeout: proc.Patience}
	answer, err := client.Post(gateway.URL("/api/events"), "application/json", strings.NewReader(string(stack.Events("refused", 1, 1))))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var why struct{ Code string }
	if err := json.NewDecoder(answer.Body).Decode(&why); err != nil || why.Code != "paused" {
		t.Errorf("a post is refused with %+v (%v)", why, err)
	}
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a post is answered with %d, Retry-After %q", answer.StatusCode, answer.Header.Get("Retry-After"))
	}
}
