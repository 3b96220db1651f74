package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// refusing is a gateway that refuses every event whose data is "bad".
func refusing(l *line, g *gateway, events []json.RawMessage) {
	for _, e := range events {
		if strings.Contains(string(e), `"bad"`) {
			l.last++
			l.say(map[string]any{"type": "error", "seq": l.last, "code": "invalid_event", "message": "m", "help": "h"})
			continue
		}
		g.store(l, []json.RawMessage{e})
	}
}

func TestSend(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, events []json.RawMessage) verdict {
			refusing(l, g, events)
			l.ack(l.last)
			return handled
		}
		client := start(t, c)
		defer client.end(t)
		good, bad := Event{Type: "t", Data: 1}, Event{Type: "t", Data: "bad"}
		if err := client.Send(t.Context()); err != nil {
			t.Errorf("sending nothing: %v", err)
		}
		if err := client.Send(t.Context(), good, good); err != nil || g.count() != 2 {
			t.Errorf("%d are stored: %v", g.count(), err)
		}
		err := client.Send(t.Context(), bad)
		if r, ok := errors.AsType[*Refusal](err); !ok || *r != (Refusal{Number: 3, Code: "invalid_event", Message: "m", Help: "h"}) {
			t.Errorf("a bad event: %v", err)
		}
		err = client.Send(t.Context(), good, bad, good, bad)
		all, _ := errors.AsType[Refusals](err)
		if len(all) != 2 || all[0].Index != 1 || all[0].Number != 5 || all[1].Index != 3 || all[1].Number != 7 {
			t.Errorf("the refusals are %+v of %v", all, err)
		}
		if g.count() != 4 {
			t.Errorf("%d are stored", g.count())
		}
	})
}

func TestSendEndsWithContext(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, events []json.RawMessage) verdict {
			refusing(l, g, events)
			l.ack(1)
			return handled
		}
		client := start(t, c)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := client.Send(ctx, Event{Type: "t", Data: "bad"}, Event{Type: "t"})
		if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "2 events") {
			t.Errorf("nothing is said of the second event: %v", err)
		}
		sent := make(chan error, 1)
		go func() { sent <- client.Send(t.Context(), Event{Type: "t"}) }()
		pass(time.Second)
		client.end(t)
		if err := <-sent; !errors.Is(err, ErrClosed) {
			t.Errorf("Send returns %v when the client ends", err)
		}
	})
}

// Each callback hears of its own events, and once, however often they are sent and refused again.
func TestRefusalsReachTheirOwn(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, events []json.RawMessage) verdict {
			refusing(l, g, events)
			if l.connection < 3 { // refused and not acknowledged: it is sent again, and refused again
				return lose
			}
			l.ack(l.last)
			return handled
		}
		client := start(t, c)
		defer client.end(t)
		calls := map[string][]error{}
		frame := func(name string) func(Frame, error) {
			return func(_ Frame, err error) { calls[name] = append(calls[name], err) }
		}
		event := func(name string) func(error) {
			return func(err error) { calls[name] = append(calls[name], err) }
		}
		_ = client.PublishFrame(t.Context(), []byte(`[{"type":"t"},{"data":"bad"},{"type":"t"},{"data":"bad"}]`), 4, frame("two"))
		_ = client.PublishFrame(t.Context(), []byte(`[{"type":"t"}]`), 1, frame("none"))
		_ = client.Publish(t.Context(), Event{Type: "t"}, event("good"))
		_ = client.Publish(t.Context(), Event{Type: "t", Data: "bad"}, event("bad"))
		_ = client.Publish(t.Context(), Event{Type: "t"}, event("good too"))
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][]uint64{"two": {2, 4}, "none": nil, "good": nil, "bad": {7}, "good too": nil} {
			if len(calls[name]) != 1 {
				t.Errorf("%s: called %d times", name, len(calls[name]))
				continue
			}
			if got := numbersOf(calls[name][0]); !slices.Equal(got, want) {
				t.Errorf("%s: refused are %v, want %v", name, got, want)
			}
		}
		two, _ := errors.AsType[Refusals](calls["two"][0])
		if len(two) == 2 && (two[0].Index != 1 || two[1].Index != 3) {
			t.Errorf("the refusals of the frame are %+v", two)
		}
	})
}

// What counts is what was said before the ack that covers an event: not what another gateway said of it before.
func TestTheLastWordCounts(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			if l.connection > 1 {
				return take
			}
			l.say(map[string]any{"type": "error", "seq": 1, "code": "invalid_event"})
			return lose
		}
		client := start(t, c)
		defer client.end(t)
		if err := client.Send(t.Context(), Event{Type: "t"}); err != nil || g.count() != 1 {
			t.Errorf("%d are stored: %v", g.count(), err)
		}
	})
}

// numbersOf are the events that an outcome says are refused.
func numbersOf(err error) (numbers []uint64) {
	if all, ok := errors.AsType[Refusals](err); ok {
		for _, r := range all {
			numbers = append(numbers, r.Number)
		}
		return numbers
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return []uint64{r.Number}
	}
	return nil
}

func TestFrameRefusedWholeEndsTheSession(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			l.say(map[string]any{"type": "error", "code": "invalid_json", "message": "no"})
			_ = l.ws.Close(websocket.StatusInvalidFramePayloadData, "invalid_json")
			return lose
		}
		client := start(t, c)
		var outcome error
		_ = client.PublishFrame(t.Context(), []byte(`{`), 1, func(_ Frame, err error) { outcome = err })
		if err := <-client.ended; !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "invalid_json: no") {
			t.Errorf("Run returns %v", err)
		}
		if !errors.Is(outcome, ErrRefused) {
			t.Errorf("the frame hears %v", outcome)
		}
	})
}
