package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answer is what POST /api/events says.
type answer struct {
	status     int
	retryAfter string
	Accepted   int
	Duplicates int
	IDs        []string
	Errors     []postedError
	Code       string
}

// post sends a body to a bubble's gateway.
func (b *bubble) post(contentType, body string) answer {
	b.Helper()
	a, err := postTo(b.client, "http://gateway/api/events", contentType, body)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func postTo(c *http.Client, url, contentType, body string) (a answer, err error) {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return answerTo(c, request)
}

func answerTo(c *http.Client, request *http.Request) (a answer, err error) {
	response, err := c.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return a, err
	}
	a.status, a.retryAfter = response.StatusCode, response.Header.Get("Retry-After")
	return a, json.Unmarshal(text, &a)
}

const (
	asJSON   = "application/json"
	asNDJSON = "application/x-ndjson"
)

func TestPost(t *testing.T) {
	cases := []struct {
		name, kind, body string
		stored           string
		errors           string // index and code
	}{
		{"one event", asJSON, ev(1), "1", ""},
		{"an array", asJSON, array(ev(1), ev(2), ev(3)), "1 2 3", ""},
		{"an empty array", asJSON, `[]`, "", ""},
		{"lines", asNDJSON, ev(1) + "\n\n" + ev(2) + "\r\n" + ev(3), "1 2 3", ""},
		{"lines, one broken", asNDJSON, ev(1) + "\n{\n" + ev(3), "1 3", "1 invalid_json"},
		{"mixed", asJSON, array(ev(1), invalid, ev(3), `7`), "1 3", "1 invalid_event 3 invalid_event"},
		{"a heartbeat", asJSON, array(ev(1), `{"type":"ping"}`), "1", "1 invalid_event"},
		{"curl's own type", "application/x-www-form-urlencoded", ev(1), "1", ""},
		{"no type", "", ev(1), "1", ""},
		{"CloudEvents", "application/cloudevents+json; charset=utf-8", ev(1), "1", ""},
		{"CloudEvents, batch", "application/cloudevents-batch+json", array(ev(1)), "1", ""},
		{"jsonl", "application/jsonl", ev(1), "1", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 4, nil, func(b *bubble) {
				a := b.post(c.kind, c.body)
				var ids, data, faults []string
				for _, e := range b.store.events() {
					ids, data = append(ids, e.ID), append(data, string(e.Data))
					if e.Source != "/http" || e.partition != b.store.events()[0].partition {
						t.Errorf("stored is %+v in partition %d", e.Event, e.partition)
					}
				}
				for _, e := range a.Errors {
					faults = append(faults, fmt.Sprint(*e.Index, " ", e.Code))
				}
				if a.status != http.StatusAccepted || a.Accepted != len(ids) || a.Duplicates != 0 || !slices.Equal(a.IDs, ids) {
					t.Errorf("the answer is %+v, stored are %v", a, ids)
				}
				if got := strings.Join(data, " "); got != c.stored {
					t.Errorf("stored are %s", got)
				}
				if got := strings.Join(faults, " "); got != c.errors {
					t.Errorf("errors are %s", got)
				}
			})
		})
	}
}

func TestPostRefused(t *testing.T) {
	cases := []struct {
		name, kind, body, code string
		status                 int
	}{
		{"no JSON", asJSON, `{`, "invalid_json", 400},
		{"nothing", asJSON, ``, "invalid_json", 400},
		{"all invalid", asJSON, array(invalid, `1`), "invalid_event", 400},
		{"one invalid", asJSON, invalid, "invalid_event", 400},
		{"2 MB", asJSON, ev(`"` + strings.Repeat("x", 2<<20) + `"`), "too_large", 413},
		{"2 MB of lines", asNDJSON, strings.Repeat(ev(1)+"\n", 2<<20/20), "too_large", 413},
		{"too many", asJSON, array(slices.Repeat([]string{ev(1)}, 1001)...), "too_many_events", 413},
		{"too many lines", asNDJSON, strings.Repeat(ev(1)+"\n", 1001), "too_many_events", 413},
		{"other type", "text/csv", "a,b", "invalid_json", 415},
		{"no type at all", ";", ev(1), "invalid_json", 415},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, nil, func(b *bubble) {
				a := b.post(c.kind, c.body)
				if a.status != c.status || len(a.Errors) == 0 || a.Errors[0].Code != c.code || len(a.IDs) != 0 || a.Accepted != 0 {
					t.Errorf("the answer is %+v", a)
				}
				if n := len(b.store.events()); n != 0 {
					t.Errorf("%d events are stored", n)
				}
				if a := b.post(asJSON, ev(1)); a.status != http.StatusAccepted {
					t.Errorf("the next request is answered %+v", a)
				}
			})
		})
	}
}

func TestPostSpreadsOverPartitionsByKey(t *testing.T) {
	inBubble(t, 8, nil, func(b *bubble) {
		var events []string
		for n := range 100 {
			events = append(events, fmt.Sprintf(`{"type":"t","partitionkey":"k%d","data":%d}`, n%20, n))
		}
		if a := b.post(asJSON, array(events...)); a.Accepted != 100 {
			t.Fatalf("the answer is %+v", a)
		}
		used := map[int]bool{}
		for _, e := range b.store.events() {
			used[e.partition] = true
			if want := b.gateway.partitionOf([]byte(e.PartitionKey)); e.partition != want {
				t.Errorf("%s is in partition %d, not %d", e.PartitionKey, e.partition, want)
			}
		}
		if len(used) < 4 {
			t.Errorf("20 keys lie in %d of 8 partitions", len(used))
		}
	})
}

// A request waits until its events are durable, and no answer is given before.
func TestPostWaitsForDurability(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		b.store.hold()
		answered := make(chan answer)
		go func() { answered <- b.post(asJSON, ev(1)) }()
		pass(10 * time.Minute)
		select {
		case a := <-answered:
			t.Fatalf("answered before it was stored: %+v", a)
		default:
		}
		b.store.releaseAll()
		if a := <-answered; a.status != http.StatusAccepted || a.Accepted != 1 {
			t.Errorf("the answer is %+v", a)
		}
	})
}

func TestPostComesAgainWhenTheBufferIsFull(t *testing.T) {
	fullRoom(t, func(b *bubble) {
		began := time.Now()
		a := b.post(asJSON, ev(1))
		if a.status != http.StatusServiceUnavailable || a.retryAfter == "" || a.Code != "overloaded" {
			t.Errorf("the answer is %+v", a)
		}
		if d := time.Since(began); d != roomTimeout {
			t.Errorf("it came after %v", d)
		}
		b.store.releaseAll()
		synctest.Wait()
		if slices.Contains(b.store.data(), "1") {
			t.Error("what was told to come again is stored")
		}
		if a := b.post(asJSON, ev(1)); a.status != http.StatusAccepted {
			t.Errorf("with room again the answer is %+v", a)
		}
	})
}

func TestPostComesAgainWhenTheGatewayGoesAway(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		b.gateway.stopTaking()
		if a := b.post(asJSON, ev(1)); a.status != http.StatusServiceUnavailable || a.retryAfter == "" || a.Code != "unavailable" {
			t.Errorf("the answer is %+v", a)
		}
		if n := len(b.store.events()); n != 0 {
			t.Errorf("%d events are stored", n)
		}
	})
}

// What was taken before the end is stored and answered.
func TestPostIsAnsweredInDrain(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		b.store.hold()
		answered := make(chan answer)
		go func() { answered <- b.post(asJSON, ev(1)) }()
		synctest.Wait()
		b.stop()
		pass(time.Second)
		b.store.releaseAll()
		if a := <-answered; a.status != http.StatusAccepted || a.Accepted != 1 {
			t.Errorf("the answer is %+v", a)
		}
	})
}

// When appending is given up the outcome is not known: the request is cut off without an answer.
func TestPostIsCutOffWhenItsOutcomeWillNotBeKnown(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		b.store.hold()
		failed := make(chan error)
		go func() {
			_, err := postTo(b.client, "http://gateway/api/events", asJSON, ev(1))
			failed <- err
		}()
		synctest.Wait()
		b.stop()
		if err := <-failed; err == nil {
			t.Error("there is an answer")
		}
		err := <-b.ended
		b.ended <- nil
		if err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
	})
}

// Before Redis is found nothing can be stored.
func TestPostNeedsRedisFirst(t *testing.T) {
	var p process
	w := httptest.NewRecorder()
	p.gated((*Gateway).serveEvents)(w, httptest.NewRequest(http.MethodPost, "/api/events", strings.NewReader(ev(1))))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("the answer is %d %v", w.Code, w.Header())
	}
}
