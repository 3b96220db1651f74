package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// racers is how many send the same at once.
const racers = 200

// race makes everybody ready, one after the other, then lets all of them run at once, and waits for the last.
func race(runners int, ready func(i int) (run func())) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range runners {
		run := ready(i)
		all.Go(func() {
			<-start
			run()
		})
	}
	close(start)
	all.Wait()
}

// trio are three gateways of one stream, which are ready, and report to stats.
func trio(t *testing.T) (*stack.Stack, []*stack.Service) {
	t.Helper()
	s := stack.New(t, stack.Durable())
	s.Stats()
	gateways := []*stack.Service{s.Gateway(), s.Gateway(), s.Gateway()}
	for _, g := range gateways {
		g.AwaitReady()
	}
	return s, gateways
}

// 200 connections of one session resend the same at once, through three gateways: one copy is stored, in order, and
// everybody is told that all is decided.
func TestRacingResendsAreStoredOnce(t *testing.T) {
	s, gateways := trio(t)
	const name, events = "racer", 100
	var frames [][]byte // five, so that resends overtake each other half-way
	for n := 1; n <= events; n += events / 5 {
		frames = append(frames, stack.Frame(name, n, n+events/5-1))
	}
	faults := make([]error, racers)
	race(racers, func(i int) func() {
		p := connect(t, gateways[i%len(gateways)], "?next=1&session="+name+"-0123456789012345678901")
		return func() { faults[i] = resend(t.Context(), p, frames, events) }
	})
	for i, err := range faults {
		if err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	ids := stack.ValidIDs(name, events)
	s.Stored().OfSessions(ids)
	// Each resend counts once, unless a Redis that was slow left open what had become of it.
	c := s.Counters()
	most := uint64((racers - 1) * len(ids))
	if c["accepted"] != uint64(len(ids)) || c["duplicates"] == 0 || c["duplicates"] > most {
		t.Errorf("the ledger has %v; want %d accepted and up to %d duplicates", c, len(ids), most)
	}
	t.Logf("%d of %d duplicates are counted", c["duplicates"], most)
	stack.Await(t, "stats say so", func() (figures, bool) {
		var f figures
		gateways[0].GetJSON("/api/stats", &f)
		return f, f.Totals.Duplicates != nil && *f.Totals.Duplicates == c["duplicates"]
	})
}

// resend sends the frames and hears until all their events are decided: each invalid one is refused, and no other.
func resend(ctx context.Context, p *peer, frames [][]byte, events int) error {
	ctx, cancel := context.WithTimeout(ctx, proc.Patience)
	defer cancel()
	for _, frame := range frames {
		if err := p.ws.Write(ctx, websocket.MessageText, frame); err != nil {
			return err
		}
	}
	for refused := 0; ; {
		m, err := p.listen()
		switch {
		case err != nil:
			return err
		case m.Type == "error" && stack.Invalid(m.Seq) && m.Code == "invalid_event":
			refused++
		case m.Type == "ack" && m.Seq == events:
			if want := events - len(stack.ValidIDs("", events)); refused != want {
				return fmt.Errorf("%d events were refused, want %d", refused, want)
			}
			return nil
		case m.Type != "ack" && m.Type != "ping" || m.Seq > events:
			return fmt.Errorf("it hears %+v", m)
		}
	}
}

// 200 requests with one Idempotency-Key race through three gateways: the events are stored once, and everybody gets the
// same answer. The key goes with its body: another one is refused.
func TestRacingPostsAreStoredOnce(t *testing.T) {
	s, gateways := trio(t)
	const name, events, key = "poster", 20, "0123456789012345678901"
	body := stack.Events(name, 1, events)
	statuses, answers := make([]int, racers), make([]string, racers)
	race(racers, func(i int) func() {
		return func() { statuses[i], answers[i] = postWithKey(gateways[i%len(gateways)], key, body) }
	})
	for i := range racers {
		if statuses[i] != http.StatusAccepted || answers[i] != answers[0] {
			t.Errorf("request %d is answered %d %s; the first %s", i, statuses[i], answers[i], answers[0])
		}
	}
	if status, answer := postWithKey(gateways[1], key, stack.Events(name, 1, events+1)); status != http.StatusUnprocessableEntity {
		t.Errorf("another body is answered %d %s", status, answer)
	}
	var ids []string
	for n := range events {
		ids = append(ids, stack.ID(name, n+1))
	}
	s.Stored().OfSessions(ids)
}

// postWithKey sends a body with an Idempotency-Key; status 0: nobody answered, and why.
func postWithKey(gateway *stack.Service, key string, body []byte) (status int, answer string) {
	r, err := http.NewRequest(http.MethodPost, gateway.URL("/api/events"), bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	client := http.Client{Timeout: proc.Patience}
	response, err := client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}
