package faults

import (
	"net/http"
	"strings"
	"testing"

	"millrace.dev/pkg/stream"
	"millrace.dev/services/e2e/stack"
)

// say is what an operator tells a gateway.
func (p *Patient) say(t testing.TB, path, body string) {
	t.Helper()
	answer, err := http.Post(p.gateway.URL(path), "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("POST %s %s is answered %s", path, body, answer.Status)
	}
}

func pause(t testing.TB, p *Patient) { p.say(t, "/api/control/pause", `{"why":"a test"}`) }

// A pause that is over leaves nothing behind.
func pauseAndResume(t testing.TB, p *Patient) {
	pause(t, p)
	p.say(t, "/api/control/resume", "")
	p.send(t, "after the pause", 10)
	p.awaitHealth(t)
}

// Somebody deletes what operators have said, after everybody has heard it.
func deleteWhatOperatorsSaid(t testing.TB, p *Patient) {
	pause(t, p)
	stack.Await(t, "the pause is known", func() (seen, bool) {
		d := p.diagnose(t)
		return seen{d}, raised(d, "MR-INTAKE-001") != nil
	})
	if n := p.RedisCommand("DEL", stream.ControlKey); n != "1" {
		t.Fatalf("DEL %s: %s", stream.ControlKey, n)
	}
}

// Limits are set, and removed again by an operator.
func setAndRemoveLimits(t testing.TB, p *Patient) {
	p.say(t, "/api/control/limits", `{"limits":{"connections":5000}}`)
	p.say(t, "/api/control/limits", `{"limits":{"connections":null}}`)
}
