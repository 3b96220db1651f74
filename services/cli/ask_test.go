package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// gatewayOf answers like a gateway, with those figures.
func gatewayOf(t *testing.T, figures func() string) Target {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/stats", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, figures()) })
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"ok"}`) })
	mux.HandleFunc("GET /health/ready", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return Target{URL: "ws" + strings.TrimPrefix(s.URL, "http") + "/ws"}
}

func stats(accepted, processed, pending int) string {
	return fmt.Sprintf(`{"time":"2026-01-02T03:04:05Z","totals":{"accepted":%d},"pipelines":[
		{"name":"other","processed":1,"filtered":0,"dead":0,"pending":0},
		{"name":"count","processed":%d,"filtered":0,"dead":0,"pending":%d}]}`, accepted, processed, pending)
}

// What was pending before the run is not the run's.
func TestFollowWaitsForTheRunsOwnEvents(t *testing.T) {
	var asked atomic.Int64
	target := gatewayOf(t, func() string {
		if asked.Add(1) < 3 {
			return stats(105, 100, 5)
		}
		return stats(105, 105, 0)
	})
	o, err := target.follow(t.Context(), run{before: account{accepted: 100, ended: 95, pending: 5}, acked: 5}, 20*time.Second)
	if err != nil || o.accepted != 5 || o.processed != 5 {
		t.Errorf("outcome %+v (%v)", o, err)
	}
	if asked.Load() < 3 {
		t.Errorf("it did not wait: asked %d times", asked.Load())
	}
}

func TestCompare(t *testing.T) {
	before := account{accepted: 100, ended: 100, types: map[string]uint64{"load": 40}}
	tests := []struct {
		name   string
		after  account
		says   string
		failed string
	}{
		{"all there", account{accepted: 110, ended: 110, types: map[string]uint64{"load": 50}}, "accepted 10  processed 10", ""},
		{"not accepted", account{accepted: 109, ended: 110}, "accepted 9", "missing"},
		{"not processed", account{accepted: 110, ended: 104}, "processed 4", "missing"},
		{"not counted", account{accepted: 115, ended: 115, types: map[string]uint64{"load": 49}}, "accepted 15", "missing"},
		{"counted twice", account{accepted: 110, ended: 110, types: map[string]uint64{"load": 51}}, "accepted 10", "too many"},
		{"others send too", account{accepted: 117, ended: 117, types: map[string]uint64{"load": 50}}, "somebody else", ""},
		{"the type is not listed", account{accepted: 110, ended: 110, types: map[string]uint64{"others": 9}}, "accepted 10", ""},
	}
	for _, test := range tests {
		target := gatewayOf(t, func() string { return test.after.json() })
		var out bytes.Buffer
		err := target.compare(t.Context(), &out, run{before: before, acked: 10, kind: "load"}, 100*time.Millisecond)
		if (err != nil) != (test.failed != "") || err != nil && !strings.Contains(err.Error(), test.failed) {
			t.Errorf("%s: %v, want %q", test.name, err, test.failed)
		}
		if !strings.Contains(out.String(), test.says) {
			t.Errorf("%s: printed %q, want %q", test.name, &out, test.says)
		}
	}
}

// json is the account as a gateway tells it.
func (a account) json() string {
	var types []string
	for name, n := range a.types {
		types = append(types, fmt.Sprintf(`{"type":%q,"count":%d}`, name, n))
	}
	return fmt.Sprintf(`{"time":"2026-01-02T03:04:05Z","totals":{"accepted":%d},"types":[%s],"pipelines":[
		{"name":"count","processed":%d,"filtered":0,"dead":0,"pending":%d}]}`, a.accepted, strings.Join(types, ","), a.ended, a.pending)
}

// A gateway that can't be reached is no reason to wait for ever.
func TestSendToNobody(t *testing.T) {
	s := Send{Target: Target{URL: "ws://127.0.0.1:1/ws"}, Frame: 10, Quiet: true, In: strings.NewReader("{}"), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.Run(ctx); CodeOf(err) != ExitUnavailable {
		t.Errorf("exit %d (%v)", CodeOf(err), err)
	}
}

func TestUnknownFiguresAreWaitedFor(t *testing.T) {
	target := gatewayOf(t, func() string { return `{"time":null,"totals":{"accepted":null}}` })
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := target.now(ctx, time.Minute); CodeOf(err) != ExitUnavailable {
		t.Errorf("without figures: %v", err)
	}
}

func TestStatsPrintsUnknownAsUnknown(t *testing.T) {
	target := gatewayOf(t, func() string { return `{"time":null,"totals":{"accepted":0,"pending":null}}` })
	var out bytes.Buffer
	if err := (Stats{Target: target, Out: &out}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "accepted 0") || !strings.Contains(out.String(), "pending -") {
		t.Errorf("printed:\n%s", &out)
	}
}

func TestHealth(t *testing.T) {
	target := gatewayOf(t, func() string { return "" })
	for path, want := range map[string]int{"/health": ExitOK, "/health/ready": ExitFailed} {
		address, err := target.http(path)
		if err != nil {
			t.Fatal(err)
		}
		err = (Health{URL: address, Timeout: 5 * time.Second, Out: &bytes.Buffer{}}).Run(t.Context())
		if CodeOf(err) != want {
			t.Errorf("%s: exit %d (%v), want %d", path, CodeOf(err), err, want)
		}
	}
	err := (Health{URL: "http://127.0.0.1:1/", Timeout: time.Second, Out: &bytes.Buffer{}}).Run(t.Context())
	if CodeOf(err) != ExitUnavailable {
		t.Errorf("nobody there: exit %d (%v)", CodeOf(err), err)
	}
}

func TestTarget(t *testing.T) {
	for url, want := range map[string]string{
		"ws://host:1/ws": "http://host:1/x", "wss://host/ws?a=b": "https://host/x", "http://host": "http://host/x",
	} {
		if got, err := (Target{URL: url}).http("/x"); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", url, got, err, want)
		}
	}
	if _, err := (Target{URL: "ftp://host"}).http("/x"); CodeOf(err) != ExitUsage {
		t.Errorf("another scheme: %v", err)
	}
}

func TestLoadPace(t *testing.T) {
	r := loadRun{Load: Load{Clients: 100, Rate: 10_000, Frame: 1}}
	if r.step() != 10*time.Millisecond {
		t.Errorf("100 clients at 10,000/s: a frame every %v", r.step())
	}
	r.Frame = 100
	if r.step() != time.Second {
		t.Errorf("in frames of 100: every %v", r.step())
	}
	r.Rate = 0
	if r.step() != 0 {
		t.Errorf("as fast as it goes: every %v", r.step())
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]time.Duration{"60": time.Minute, "1m30s": 90 * time.Second, "0.5": 500 * time.Millisecond} {
		var s secs
		if err := s.UnmarshalText([]byte(text)); err != nil || time.Duration(s) != want {
			t.Errorf("%s is %v (%v), want %v", text, time.Duration(s), err, want)
		}
	}
	var s secs
	if err := s.UnmarshalText([]byte("soon")); err == nil {
		t.Error("soon is a duration")
	}
}
