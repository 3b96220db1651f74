package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// get asks h and returns the status and the JSON that came.
func get(ctx context.Context, h http.Handler, path string) (int, map[string]any) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Header().Get("Content-Type") != "application/json" {
		return w.Code, nil
	}
	return w.Code, body
}

func routes(i Instance, check func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	NewHealth(i, check).Routes(mux)
	return mux
}

func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInstance("gateway")
		h := routes(i, func(context.Context) error { return errors.New("nothing works") })
		time.Sleep(90 * time.Second) //nolint:forbidigo // virtual time
		code, body := get(t.Context(), h, "/health")
		if code != 200 || body["status"] != "ok" || body["service"] != "gateway" || body["instance"] != i.ID ||
			body["version"] != i.Version || body["uptime_s"] != 90.0 {
			t.Errorf("%d %v", code, body)
		}
	})
}

func TestReadyAndNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fault error
		h := routes(NewInstance("gateway"), func(context.Context) error { return fault })
		if code, body := get(t.Context(), h, "/health/ready"); code != 200 || body["status"] != "ready" {
			t.Errorf("%d %v", code, body)
		}
		fault = errors.New("redis is away")
		if code, _ := get(t.Context(), h, "/health/ready"); code != 200 {
			t.Errorf("%d: a fresh outcome was not used again", code)
		}
		time.Sleep(readyFor) //nolint:forbidigo // virtual time
		code, body := get(t.Context(), h, "/health/ready")
		if code != 503 || body["status"] != "unready" || body["error"] != "redis is away" {
			t.Errorf("%d %v", code, body)
		}
	})
}

func TestManyWhoAskShareOneCheckOfTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var checks atomic.Int64
		h := routes(NewInstance("gateway"), func(ctx context.Context) error {
			checks.Add(1)
			<-ctx.Done()
			return ctx.Err()
		})
		began := time.Now()
		first, hangUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		codes := make([]int, 50)
		for i := range codes {
			wg.Go(func() {
				ctx := t.Context()
				if i == 0 {
					ctx = first
				}
				codes[i], _ = get(ctx, h, "/health/ready")
			})
			synctest.Wait() // the first one's is the check
		}
		hangUp() // which must not fail it for the others
		wg.Wait()
		if n, took := checks.Load(), time.Since(began); n != 1 || took != readyWithin {
			t.Errorf("%d checks in %v, want one of %v", n, took, readyWithin)
		}
		for i, code := range codes {
			if code != 503 {
				t.Errorf("asker %d got %d, want 503", i, code)
			}
		}
	})
}

func TestWhoHangsUpDoesNotWaitForTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHealth(NewInstance("gateway"), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		var wg sync.WaitGroup
		wg.Go(func() { _ = h.ask(t.Context()) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if err := h.ask(ctx); !errors.Is(err, context.Canceled) || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		wg.Wait()
	})
}

func TestACheckThatPanicsFailsForAllAndIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := true
		h := NewHealth(NewInstance("gateway"), func(context.Context) error {
			if fault {
				panic("a slip")
			}
			return nil
		})
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = h.ask(t.Context())
		}()
		if err := h.ask(t.Context()); err == nil {
			t.Error("ready after a panic")
		}
		fault = false
		time.Sleep(readyFor) //nolint:forbidigo // virtual time
		if err := h.ask(t.Context()); err != nil {
			t.Errorf("the next check: %v", err)
		}
	})
}
