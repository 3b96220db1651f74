package gateway

import (
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"millrace.dev/pkg/stream/streamtest"
)

// postKeyed posts a body under an idempotency key.
func (g *running) postKeyed(key, body string) answer {
	g.Helper()
	a, err := g.tryKeyed(key, body)
	if err != nil {
		g.Fatal(err)
	}
	return a
}

func (g *running) tryKeyed(key, body string) (answer, error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+g.addr+"/api/events", strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", asJSON)
	request.Header.Set(keyHeader, key)
	return answerTo(g.client, request)
}

func TestRepeatedRequestIsStoredOnce(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		g := startGateway(t, srv, nil)
		body := array(with("a", "x"), `{"type":"t","partitionkey":"y"}`, invalid, `{"type":"t"}`, with("b", "z"), `{"type":"t"}`)
		first := g.postKeyed("key-1", body)
		if first.status != http.StatusAccepted || first.Accepted != 5 || len(first.IDs) != 5 || len(first.Errors) != 1 {
			t.Fatalf("%+v", first)
		}
		other := startGateway(t, srv, nil)
		for _, again := range []answer{g.postKeyed("key-1", body), other.postKeyed("key-1", body)} {
			if !reflect.DeepEqual(again, first) {
				t.Errorf("a repetition is answered %+v, not as the first: %+v", again, first)
			}
		}
		g.expectOnce(first.IDs...)
		if n := len(g.stored()); n != 5 {
			t.Errorf("%d events are stored", n)
		}
		if n := g.ledger("duplicates"); n != 10 {
			t.Errorf("%d duplicates are counted", n)
		}
		if a := g.postKeyed("key-2", body); a.status != http.StatusAccepted || a.IDs[1] == first.IDs[1] {
			t.Errorf("another key is answered %+v", a)
		}
	})
}

func TestKeyIsForOneBody(t *testing.T) {
	g := startGateway(t, streamtest.Redis(t), nil)
	g.postKeyed("key", ev(1))
	a := g.postKeyed("key", ev(2))
	if a.status != http.StatusUnprocessableEntity || len(a.Errors) != 1 || a.Errors[0].Code != codeKeyReused || a.Errors[0].Retryable {
		t.Errorf("another body is answered %+v", a)
	}
	if n := len(g.stored()); n != 1 {
		t.Errorf("%d events are stored", n)
	}
}

func TestRepetitionsRace(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		gateways := []*running{startGateway(t, srv, nil), startGateway(t, srv, nil)}
		body := array(with("a", "x"), `{"type":"t"}`, `{"type":"t","partitionkey":"y"}`)
		answers := make([]answer, 40)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				var err error
				if answers[i], err = gateways[i%2].tryKeyed("race", body); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i, a := range answers {
			if a.status != http.StatusAccepted || !reflect.DeepEqual(a, answers[0]) {
				t.Fatalf("answer %d is %+v, answer 0 %+v", i, a, answers[0])
			}
		}
		gateways[0].expectOnce(answers[0].IDs...)
		if n := len(gateways[0].stored()); n != 3 {
			t.Errorf("%d events are stored", n)
		}
	})
}

func TestBadKeys(t *testing.T) {
	g := startGateway(t, streamtest.Embedded(t), nil)
	for _, key := range []string{"", strings.Repeat("k", longestSession+1), "ü"} {
		if a := g.postKeyed(key, ev(1)); a.status != http.StatusBadRequest || len(a.Errors) != 1 || !strings.Contains(a.Errors[0].Message, keyHeader) {
			t.Errorf("the key %q is answered %+v", key, a)
		}
	}
}

// New keys are limited, and one that is known is taken all the same.
func TestNewKeysAreLimited(t *testing.T) {
	g := startGateway(t, streamtest.Redis(t), func(c *Config) { c.Rates.SessionsPerCredential = 0.001 })
	for i := range 3 {
		if a := g.postKeyed("known", ev(1)); a.status != http.StatusAccepted {
			t.Errorf("repetition %d is answered %+v", i, a)
		}
	}
	a := g.postKeyed("new", ev(1))
	if a.status != http.StatusTooManyRequests || a.Code != "rate_limited" || a.retryAfter == "" {
		t.Errorf("a new key is answered %+v", a)
	}
	if n := len(g.stored()); n != 1 {
		t.Errorf("%d events are stored", n)
	}
}

// What stores nothing leaves nothing behind: who sends only what is not valid fills no memory with new keys.
func TestKeysOfNothingAreNotClaimed(t *testing.T) {
	g := startGateway(t, streamtest.Redis(t), nil)
	if a := g.postKeyed("key", array(invalid, invalid)); a.status != http.StatusBadRequest {
		t.Errorf("it is answered %+v", a)
	}
	if keys := g.redis.Keys(t.Context(), "*:claim:*").Val(); len(keys) != 0 {
		t.Errorf("claimed: %v", keys)
	}
}
