package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/pkg/stream/streamtest"
)

// desk is the controls of one gateway, with an operator before it.
type desk struct {
	*testing.T
	controls *controls
	log      *syncBuffer
	mux      *http.ServeMux
}

// newDesk is a desk that hears nothing yet.
func newDesk(t *testing.T) *desk {
	d := &desk{T: t, log: new(syncBuffer), mux: http.NewServeMux()}
	d.controls = newControls(slog.New(slog.NewTextHandler(d.log, nil)))
	d.controls.flags = map[control.Limit]float64{control.Connections: 100, control.EventsPerCredential: 7}
	d.controls.register(d.mux, func(s access.Scope, h http.HandlerFunc) http.HandlerFunc {
		if s != access.Admin {
			t.Errorf("a path needs %v", s)
		}
		return h
	})
	return d
}

// startDesk is one that knows what was said.
func startDesk(t *testing.T, url string) *desk {
	t.Helper()
	d := newDesk(t)
	s, err := stream.Beside(t.Context(), stream.Config{URL: url, PoolMax: 5, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	ready := make(chan struct{})
	wg.Go(func() { d.controls.run(ctx, s, sync.OnceFunc(func() { close(ready) })) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		_ = s.Close()
	})
	<-ready
	return d
}

// ask sends a request and returns the answer.
func (d *desk) ask(method, path, body string) *httptest.ResponseRecorder {
	d.Helper()
	r := httptest.NewRequestWithContext(d.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1234"
	w := httptest.NewRecorder()
	d.mux.ServeHTTP(w, r)
	return w
}

// does sends a request that must be answered with that status, and reads the answer.
func (d *desk) does(method, path, body string, status int, to any) {
	d.Helper()
	w := d.ask(method, path, body)
	if w.Code != status {
		d.Fatalf("%s %s %s: %d %s, want %d", method, path, body, w.Code, w.Body, status)
	}
	if to == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
		d.Fatalf("%s %s: %s: %v", method, path, w.Body, err)
	}
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// What one gateway is told is in force there when it answers, and at the other within a second.
func TestControlsOfTwoGateways(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		here, there := startDesk(t, srv.URL), startDesk(t, srv.URL)
		var told controlReport
		here.does("GET", "/api/control", "", 200, &told)
		if told.Paused || told.Pause != nil || told.Version != 0 || told.Log == nil || told.Limits == nil || told.InForce[control.Connections] != 100 {
			t.Errorf("at first %+v", told)
		}
		began := time.Now()
		here.does("POST", "/api/control/pause", `{"why":"the sink is broken"}`, 200, &told)
		if p := told.Pause; !told.Paused || p == nil || p.By != "anonymous@192.0.2.7" || p.Why != "the sink is broken" || p.At.IsZero() {
			t.Errorf("the answer is %+v", told)
		}
		eventually(t, "the other gateway hears it", func() bool { return there.controls.state().Pause != nil })
		if d := time.Since(began); d > time.Second {
			t.Errorf("it heard it after %v", d)
		}
		there.does("POST", "/api/control/limits", `{"limits":{"events-per-credential":5000,"connections":null}}`, 200, &told)
		if told.Limits[control.EventsPerCredential] != 5000 || told.InForce[control.EventsPerCredential] != 5000 ||
			told.InForce[control.Connections] != 100 || len(told.Limits) != 1 || told.LimitsChange == nil || !told.Paused {
			t.Errorf("the answer is %+v", told)
		}
		there.does("POST", "/api/control/resume", "", 200, &told)
		if told.Paused || len(told.Log) != 3 || told.Log[0].What != "resumed" || told.Log[2].Why != "the sink is broken" {
			t.Errorf("the answer is %+v", told)
		}
		eventually(t, "the first gateway hears it", func() bool { return here.controls.state().Version == 3 })
		if log := here.log.String(); strings.Count(log, "an operator made a change") < 2 || !strings.Contains(log, "the sink is broken") {
			t.Errorf("the log says %s", log)
		}
	})
}

func TestKeysByHTTP(t *testing.T) {
	onEach(t, func(t *testing.T, srv *streamtest.Server) {
		d := startDesk(t, srv.URL)
		d.does("POST", "/api/keys", `{"name":"shop","scopes":["publish"]}`, 409, nil) // nobody could make another
		var root, shop keyMade
		d.does("POST", "/api/keys", `{"name":"root","scopes":["admin","read"]}`, 201, &root)
		w := d.ask("POST", "/api/keys", `{"name":"shop","scopes":["publish","read"]}`)
		if w.Code != 201 || w.Header().Get("Cache-Control") != "no-store" || json.Unmarshal(w.Body.Bytes(), &shop) != nil {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		ring := access.NewRing(d.controls.state().Keys) // in force here when it is answered
		if k, ok := ring.Find(shop.Token); !ok || k.ID != shop.ID || k.Name != "shop" || k.Scopes != access.Publish|access.Read {
			t.Errorf("the token %q opens %+v", shop.Token, k)
		}
		w = d.ask("GET", "/api/keys", "")
		var list struct{ Keys []map[string]any }
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Keys) != 2 {
			t.Fatalf("the list is %s", w.Body)
		}
		for _, row := range list.Keys {
			if len(row) != 5 || row["created_by"] != "anonymous@192.0.2.7" || row["created"] == "" || row["name"] == "" {
				t.Errorf("a row is %v", row)
			}
		}
		d.does("DELETE", "/api/keys/"+root.ID, "", 409, nil)
		d.does("DELETE", "/api/keys/"+shop.ID, "", 204, nil)
		if access.NewRing(d.controls.state().Keys).Holds(shop.ID) {
			t.Error("it is revoked and still opens")
		}
		d.does("DELETE", "/api/keys/"+shop.ID, "", 404, nil)
		d.does("DELETE", "/api/keys/"+root.ID, "", 204, nil)
		if log := d.log.String(); strings.Contains(log, shop.Token) || strings.Contains(log, root.Token) {
			t.Error("a token is logged")
		}
	})
}

// What is wrong is named, all of it, and changes nothing.
func TestBadControlRequests(t *testing.T) {
	d := startDesk(t, streamtest.Embedded(t).URL)
	long := strings.Repeat("x", 201)
	for _, c := range []struct {
		path, body string
		status     int
		says       []string
	}{
		{"/api/control/pause", `{"why":"` + long + `"}`, 400, []string{"why: "}},
		{"/api/control/pause", `{"why":"a\u001b[0m"}`, 400, []string{"why: "}},
		{"/api/control/pause", `{"why":7}`, 400, []string{"why: ", "number"}},
		{"/api/control/pause", `{"reason":"x"}`, 400, []string{"reason"}},
		{"/api/control/resume", `[]`, 400, []string{"the body", "array"}},
		{"/api/control/pause", `{"why":"a\u202eb"}`, 400, []string{"why: "}},
		{"/api/control/pause", `{"why":"x"}}`, 400, []string{"follows"}},
		{"/api/control/pause", `{"why":"x"}]`, 400, []string{"follows"}},
		{"/api/control/resume", `{"why":`, 400, []string{"JSON"}},
		{"/api/control/resume", `{} {}`, 400, []string{"follows"}},
		{"/api/control/resume", `{"why":"` + strings.Repeat("x", controlBytes) + `"}`, 413, []string{"bytes"}},
		{"/api/control/limits", ``, 400, []string{"empty"}},
		{"/api/control/limits", `{}`, 400, []string{"limits: ", "events-per-credential"}},
		{"/api/control/limits", `{"limits":5}`, 400, []string{"limits: "}},
		{"/api/control/limits", `{"limits":{"all":1,"connections":-1,"events-per-address":"5","bytes-per-address":NaN},"why":"` + long + `"}`,
			400, []string{"invalid character 'N'"}},
		{"/api/control/limits", `{"limits":{"all":1,"connections":-1,"events-per-address":"5","none":null,"bytes-per-address":1e999},"why":"` + long + `"}`,
			400, []string{"all: ", "connections: -1", "events-per-address: \\\"5\\\"", "none: ", "bytes-per-address: ", "why: "}},
		{"/api/keys", ``, 400, []string{"empty"}},
		{"/api/keys", `{"name":"a b","scopes":["root"]}`, 400, []string{"name: ", "scopes: "}},
		{"/api/keys", `{"name":"a"}`, 400, []string{"scopes: "}},
		{"/api/keys", `{"name":"a","scopes":"read"}`, 400, []string{"scopes: "}},
	} {
		w := d.ask("POST", c.path, c.body)
		if w.Code != c.status {
			t.Errorf("%s %.100s: %d %s", c.path, c.body, w.Code, w.Body)
		}
		for _, part := range c.says {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s %.100s: %q is not in %s", c.path, c.body, part, w.Body)
			}
		}
	}
	if v := d.controls.state().Version; v != 0 {
		t.Errorf("it made version %d", v)
	}
}

// Before Redis is there, and while it is away, nothing can be said; what was said stays in force and can be looked at.
func TestControlsWithoutRedis(t *testing.T) {
	paths := []string{"POST /api/control/pause", "POST /api/control/resume", "DELETE /api/keys/abc"}
	away := func(d *desk, paths ...string) {
		t.Helper()
		for _, path := range paths {
			method, path, _ := strings.Cut(path, " ")
			if w := d.ask(method, path, ""); w.Code != 503 || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
			}
		}
	}
	away(newDesk(t), append(paths, "GET /api/control", "GET /api/keys")...)

	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	d := startDesk(t, srv.URL)
	d.does("POST", "/api/control/pause", "", 200, nil)
	srv.Kill()
	away(d, paths...)
	eventually(t, "it is in the log", func() bool { return strings.Contains(d.log.String(), "stays in force") })
	var told controlReport
	d.does("GET", "/api/control", "", 200, &told)
	if !told.Paused {
		t.Errorf("while Redis is away: %+v", told)
	}
	srv.Start()
	eventually(t, "Redis is back", func() bool { return strings.Contains(d.log.String(), "hearing again") })
	d.does("POST", "/api/control/resume", "", 200, &told)
	if told.Paused || strings.Count(d.log.String(), "stays in force") != 1 {
		t.Errorf("then %+v; the log: %s", told, d.log)
	}
}

func TestControlsOfALostRedis(t *testing.T) {
	srv := streamtest.Redis(t)
	d := startDesk(t, srv.URL)
	d.does("POST", "/api/keys", `{"name":"root","scopes":["admin"]}`, 201, nil)
	srv.Kill()
	srv.Start()
	eventually(t, "the loss is heard", func() bool { return d.controls.state().Lost })
	var told controlReport
	d.does("GET", "/api/control", "", 200, &told)
	if !told.Lost || len(d.controls.state().Keys) != 1 || !strings.Contains(d.log.String(), "Redis has lost") {
		t.Errorf("it says %+v; the log: %s", told, d.log)
	}
}

// Keys that Redis has lost can't be revoked, and end with the next that is made: both is said.
func TestKeysOfALostRedis(t *testing.T) {
	srv := streamtest.Redis(t)
	d := startDesk(t, srv.URL)
	var root, next keyMade
	d.does("POST", "/api/keys", `{"name":"root","scopes":["admin"]}`, 201, &root)
	srv.Kill()
	srv.Start()
	eventually(t, "the loss is heard", func() bool { return d.controls.state().LostKeys })
	var list struct {
		Keys []keyRow
		Lost bool
	}
	d.does("GET", "/api/keys", "", 200, &list)
	if !list.Lost || len(list.Keys) != 1 {
		t.Errorf("the list is %+v", list)
	}
	if w := d.ask("DELETE", "/api/keys/"+root.ID, ""); w.Code != 409 || !strings.Contains(w.Body.String(), "keys create") {
		t.Errorf("revoking it: %d %s", w.Code, w.Body)
	}
	d.does("DELETE", "/api/keys/other", "", 404, nil)
	d.does("POST", "/api/keys", `{"name":"next","scopes":["admin"]}`, 201, &next)
	if len(next.Ended) != 1 || next.Ended[0] != root.ID || !strings.Contains(d.log.String(), root.ID) {
		t.Errorf("made %+v; the log: %s", next, d.log)
	}
	d.does("DELETE", "/api/keys/"+root.ID, "", 404, nil)
	d.does("GET", "/api/keys", "", 200, &list)
	if list.Lost || len(list.Keys) != 1 || list.Keys[0].ID != next.ID {
		t.Errorf("then the list is %+v", list)
	}
}

// A key that was revoked and came back with a restored Redis is named in the log.
func TestRevokedKeyCameBack(t *testing.T) {
	srv := streamtest.Redis(t)
	d := startDesk(t, srv.URL)
	d.does("POST", "/api/keys", `{"name":"root","scopes":["admin"]}`, 201, nil)
	var leaked keyMade
	d.does("POST", "/api/keys", `{"name":"leaked","scopes":["read"]}`, 201, &leaked)
	raw := srv.Client(t).HGetAll(t.Context(), stream.ControlKey).Val()
	d.does("DELETE", "/api/keys/"+leaked.ID, "", 204, nil)
	srv.Client(t).Del(t.Context(), stream.ControlKey)
	srv.Client(t).HSet(t.Context(), stream.ControlKey, raw)
	d.does("POST", "/api/keys", `{"name":"next","scopes":["read"]}`, 201, nil)
	eventually(t, "it is named", func() bool { return strings.Contains(d.log.String(), "revoke them again") })
	if !strings.Contains(d.log.String(), leaked.ID) {
		t.Errorf("the log: %s", d.log)
	}
}

// What changes hears each state once, in order, before anybody is answered that it is in force.
func TestOnChange(t *testing.T) {
	srv := streamtest.Embedded(t)
	d := newDesk(t)
	var mu sync.Mutex
	var versions []uint64
	d.controls.onChange = func(s control.State) {
		mu.Lock()
		defer mu.Unlock()
		versions = append(versions, s.Version)
	}
	s, err := stream.Beside(t.Context(), stream.Config{URL: srv.URL, PoolMax: 5, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	ready := make(chan struct{})
	wg.Go(func() { d.controls.run(ctx, s, sync.OnceFunc(func() { close(ready) })) })
	<-ready
	for i := range 3 {
		d.does("POST", "/api/control/pause", fmt.Sprintf(`{"why":"%d"}`, i), 200, nil)
		mu.Lock()
		if last := versions[len(versions)-1]; last != uint64(i)+1 {
			t.Errorf("answered after version %d is in force: %v", i+1, versions)
		}
		mu.Unlock()
	}
	if want := []uint64{0, 1, 2, 3}; !slices.Equal(versions, want) {
		t.Errorf("heard %v, want %v", versions, want)
	}
}

// A body that never ends, or breaks off, holds up nobody and changes nothing.
func TestControlBodyBreaksOff(t *testing.T) {
	d := startDesk(t, streamtest.Embedded(t).URL)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/control/pause", io.MultiReader(strings.NewReader(`{"why":`), broken{}))
	w := httptest.NewRecorder()
	d.mux.ServeHTTP(w, r)
	if w.Code != 400 || d.controls.state().Pause != nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut off") }
