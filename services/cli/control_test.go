package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/pkg/stream/streamtest"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]struct {
		value float64
		bytes bool
	}{
		"5000/s": {5000, false}, "0/s": {0, false}, "0.5/s": {0.5, false}, "10MB/s": {10e6, true}, "64KiB/s": {65536, true},
		"1.5GiB/s": {1.5 * (1 << 30), true}, "7B/s": {7, true}, "3kB/s": {3000, true}, "3KB/s": {3000, true}, "2MiB/s": {2 << 20, true},
		"1GB/s": {1e9, true},
	} {
		if value, isBytes, err := parseRate(text); err != nil || value != want.value || isBytes != want.bytes {
			t.Errorf("%s is %v, bytes %v (%v)", text, value, isBytes, err)
		}
	}
	for _, text := range []string{"", "/s", "5000", "5000/m", "-1/s", "NaN/s", "Inf/s", "1e9/s", "0x10/s", "1.2.3/s", "MB/s", ".B/s",
		"5 /s", "5,000/s", "10mb/s", "10MBit/s", "5000/s/s", strings.Repeat("9", 400) + "/s"} {
		if value, _, err := parseRate(text); err == nil {
			t.Errorf("%.20q is %v", text, value)
		}
	}
}

func TestLimitChanges(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit Limit
		want  string // as JSON, or
		fails []string
	}{
		{"nothing", Limit{}, `{}`, nil},
		{"events", Limit{Rates: []string{"5000/s"}}, `{"events-per-credential":5000}`, nil},
		{"bytes and events of an address", Limit{Rates: []string{"1kB/s", "5/s"}, Per: "address"}, `{"bytes-per-address":1000,"events-per-address":5}`, nil},
		{"by name", Limit{Set: map[string]string{
			"connections": "100", "sessions-per-address": "5/s", "bytes-per-address": "1MiB", "events-per-address": "off"}},
			`{"bytes-per-address":1048576,"connections":100,"events-per-address":null,"sessions-per-address":5}`, nil},
		{"twice", Limit{Rates: []string{"5/s", "6/s"}, Set: map[string]string{"events-per-credential": "1"}}, "", []string{"twice"}},
		{"off and more", Limit{Rates: []string{"off", "6/s"}}, "", []string{"off"}},
		{"off and named", Limit{Rates: []string{"off"}, Set: map[string]string{"connections": "1"}}, "", []string{"off"}},
		{"all faults", Limit{Rates: []string{"much"}, Set: map[string]string{"all": "1", "connections": "5/s", "events-per-address": "5MB"}},
			"", []string{`"much"`, "--set: all: ", "--set: connections: ", "--set: events-per-address: "}},
	} {
		changes, err := c.limit.changes()
		if c.fails == nil {
			if got, _ := json.Marshal(changes); err != nil || string(got) != c.want {
				t.Errorf("%s: %s (%v), want %s", c.name, got, err, c.want)
			}
		}
		for _, part := range c.fails {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", c.name, err, part)
			}
		}
	}
	all, err := Limit{Rates: []string{"off"}}.changes()
	if err != nil || len(all) != len(control.Limits()) || all[control.Connections] != nil {
		t.Errorf("off is %v (%v)", all, err)
	}
}

// A reason that is too long is named beside what else is wrong, and nobody is asked.
func TestLongReasons(t *testing.T) {
	g := newControlGateway(t)
	long := strings.Repeat("x", control.LongestWhy+1)
	err := Limit{Target: g.Target, Rates: []string{"much"}, Why: long, Out: io.Discard}.Run(t.Context())
	if CodeOf(err) != ExitUsage || !strings.Contains(err.Error(), "--why: ") || !strings.Contains(err.Error(), "much") {
		t.Errorf("limit: %v", err)
	}
	for _, err := range []error{
		Pause{Target: g.Target, Why: long, Out: io.Discard}.Run(t.Context()), Resume{Target: g.Target, Why: long, Out: io.Discard}.Run(t.Context()),
	} {
		if CodeOf(err) != ExitUsage || !strings.Contains(err.Error(), "--why: ") {
			t.Error(err)
		}
	}
	if g.asked != "" {
		t.Errorf("asked %s", g.asked)
	}
}

// What is printed can be typed again.
func TestFormatLimit(t *testing.T) {
	for _, c := range []struct {
		name  control.Limit
		value float64
		want  string
	}{
		{control.EventsPerAddress, 5000, "5000/s"}, {control.SessionsPerAddress, 0.25, "0.25/s"}, {control.Connections, 100, "100"},
		{control.BytesPerAddress, 10e6, "10MB/s"}, {control.BytesPerAddress, 65536, "64KiB/s"}, {control.BytesPerAddress, 1234, "1234B/s"},
		{control.BytesPerCredential, 0.5, "0.5B/s"}, {control.BytesPerCredential, 1 << 30, "1GiB/s"},
	} {
		if got := formatLimit(c.name, c.value, true); got != c.want {
			t.Errorf("%s %v is %s, want %s", c.name, c.value, got, c.want)
		}
		if back, err := parseLimit(c.name, c.want); err != nil || back == nil || *back != c.value {
			t.Errorf("%s is read as %v (%v)", c.want, back, err)
		}
	}
	if got := formatLimit(control.Connections, 0, true); got != "no limit" {
		t.Errorf("0 is %s", got)
	}
}

// controlGateway answers every request with that status and body, and notes the last one.
type controlGateway struct {
	Target
	status int
	body   string
	asked  string
}

func newControlGateway(t *testing.T) *controlGateway {
	g := &controlGateway{status: 200}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.asked = fmt.Sprintf("%s %s %s %s", r.Method, r.URL.EscapedPath(), r.Header.Get("Authorization"), body)
		w.WriteHeader(g.status)
		fmt.Fprint(w, g.body)
	}))
	t.Cleanup(s.Close)
	g.Target = Target{URL: "ws" + strings.TrimPrefix(s.URL, "http") + "/ws", Key: "mr_k"}
	return g
}

const pausedReport = `{"version":3,"paused":true,"pause":{"at":"2026-01-02T03:04:05Z","by":"anna","what":"paused","why":"upgrade"},
	"limits":{"connections":7},"in_force":{"connections":7,"events-per-credential":5000},"limits_change":{"at":"2026-01-02T03:04:05Z",
	"by":"bert","what":"limited connections=7"},"lost":true,"log":[]}`

func TestPauseResumeLimit(t *testing.T) {
	g := newControlGateway(t)
	g.body = pausedReport
	var out bytes.Buffer
	if err := (Pause{Target: g.Target, Why: "upgrade", Out: &out}).Run(t.Context()); err != nil || g.asked != `POST /api/control/pause Bearer mr_k {"why":"upgrade"}` {
		t.Errorf("asked %s (%v)", g.asked, err)
	}
	if !strings.Contains(out.String(), "paused since") || !strings.Contains(out.String(), "by anna: upgrade") {
		t.Errorf("printed %s", &out)
	}
	out.Reset()
	if err := (Limit{Target: g.Target, Out: &out}).Run(t.Context()); err != nil || g.asked != "GET /api/control Bearer mr_k " {
		t.Errorf("asked %s (%v)", g.asked, err)
	}
	for _, part := range []string{"connections              7         set at run time", "events-per-credential    5000/s", "bytes-per-address        no limit",
		"by bert (limited connections=7)", "intake is paused", "Redis has lost"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not in\n%s", part, &out)
		}
	}
	g.body = `{"version":4}`
	out.Reset()
	l := Limit{Target: g.Target, Rates: []string{"5000/s"}, Set: map[string]string{"connections": "off"}, Why: "x", Out: &out}
	if err := l.Run(t.Context()); err != nil || g.asked != `POST /api/control/limits Bearer mr_k {"limits":{"connections":null,"events-per-credential":5000},"why":"x"}` {
		t.Errorf("asked %s (%v)", g.asked, err)
	}
	out.Reset()
	if err := (Resume{Target: g.Target, Out: &out}).Run(t.Context()); err != nil || g.asked != "POST /api/control/resume Bearer mr_k {}" || out.String() != "intake goes on\n" {
		t.Errorf("asked %s, printed %s (%v)", g.asked, &out, err)
	}
}

func TestKeysByGateway(t *testing.T) {
	g := newControlGateway(t)
	g.status, g.body = 201, `{"id":"abc","name":"shop","scopes":["publish","read"],"token":"mr_abc_secret"}`
	of := keysTarget{Target: g.Target}
	var out, told bytes.Buffer
	create := KeysCreate{keysTarget: of, Name: "shop", Scope: []string{"read", "publish"}, Out: &out, Err: &told}
	if err := create.Run(t.Context()); err != nil || g.asked != `POST /api/keys Bearer mr_k {"name":"shop","scopes":["publish","read"]}` {
		t.Errorf("asked %s (%v)", g.asked, err)
	}
	if out.String() != "mr_abc_secret\n" || !strings.Contains(told.String(), "abc of shop: publish, read") || strings.Contains(told.String(), "secret") {
		t.Errorf("printed %q and %q", &out, &told)
	}
	told.Reset()
	g.body = `{"id":"abc","name":"shop","scopes":["read"],"token":"mr_abc_secret","ended":["old1","old2"]}`
	if err := create.Run(t.Context()); err != nil || !strings.Contains(told.String(), "have ended: old1, old2") {
		t.Errorf("it tells %q (%v)", &told, err)
	}
	create.Name, g.asked = "a b", ""
	if err := create.Run(t.Context()); CodeOf(err) != ExitUsage || g.asked != "" {
		t.Errorf("a wrong name: %v", err)
	}
	g.status, g.body = 200, `{"keys":[{"id":"abc","name":"shop","scopes":["read"],"created":"2026-01-02T03:04:05Z","created_by":"root"}]}`
	out.Reset()
	if err := (KeysList{keysTarget: of, Out: &out}).Run(t.Context()); err != nil || !strings.Contains(out.String(), "abc  shop  read    2026-01-02") {
		t.Errorf("printed %s (%v)", &out, err)
	}
	told.Reset()
	g.body = `{"keys":[],"lost":true}`
	if err := (KeysList{keysTarget: of, Out: &out, Err: &told}).Run(t.Context()); err != nil || !strings.Contains(told.String(), "end with the next key") {
		t.Errorf("it tells %q (%v)", &told, err)
	}
	g.status, g.body = 204, ""
	if err := (KeysRevoke{keysTarget: of, ID: "abc", Out: &out}).Run(t.Context()); err != nil || g.asked != "DELETE /api/keys/abc Bearer mr_k " {
		t.Errorf("asked %s (%v)", g.asked, err)
	}
	g.asked = ""
	for _, id := range []string{"", "a/../b", "mr_abc_secret"} {
		if err := (KeysRevoke{keysTarget: of, ID: id, Out: &out}).Run(t.Context()); CodeOf(err) != ExitUsage || g.asked != "" {
			t.Errorf("revoking %q: asked %s (%v)", id, g.asked, err)
		}
	}
}

// What the gateway refuses is told in its own words, and the exit code says what can be done.
func TestRefusalsOfAGateway(t *testing.T) {
	g := newControlGateway(t)
	pause := Pause{Target: g.Target, Out: io.Discard}
	for _, c := range []struct {
		status, exit int
		body, says   string
	}{
		{401, 1, `{"message":"no key"}`, "--key"}, {403, 1, `{"message":"this key has not the scope admin"}`, "scope admin"},
		{409, 1, `{"message":"no key would have admin"}`, "no key would"}, {404, 1, `{"message":"no key has this id"}`, "this id"},
		{404, 1, `404 page not found`, "--url"}, {400, 64, `{"message":"why: too long"}`, "why: "},
		{503, 69, `{"message":"Redis can't be reached"}`, "Redis"}, {502, 69, `<html>`, "no reason"}, {200, 1, `<html>`, "reading the answer"},
	} {
		g.status, g.body = c.status, c.body
		if err := pause.Run(t.Context()); CodeOf(err) != c.exit || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d %s: exit %d (%v)", c.status, c.body, CodeOf(err), err)
		}
	}
	pause.URL = "ws://127.0.0.1:1/ws"
	if err := pause.Run(t.Context()); CodeOf(err) != ExitUnavailable {
		t.Errorf("nobody there: %v", err)
	}
}

// Who has no key any more goes to Redis itself.
func TestKeysInRedis(t *testing.T) {
	url := streamtest.Embedded(t).URL
	of := keysTarget{RedisURL: url, Target: Target{URL: "ws://127.0.0.1:1/ws"}}
	var out bytes.Buffer
	create := KeysCreate{keysTarget: of, Name: "shop", Scope: []string{"publish"}, Out: &out, Err: io.Discard}
	if err := create.Run(t.Context()); CodeOf(err) != ExitFailed || out.Len() != 0 {
		t.Errorf("a first key without admin: %v, printed %s", err, &out)
	}
	create.Name, create.Scope = "root", []string{"admin"}
	if err := create.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(out.String())
	rows, _, err := KeysList{keysTarget: of}.rows(t.Context())
	if err != nil || len(rows) != 1 || !strings.HasPrefix(token, "mr_"+rows[0].ID+"_") || rows[0].Name != "root" || !strings.HasPrefix(rows[0].CreatedBy, "cli@") {
		t.Fatalf("the list is %+v (%v), the token %s", rows, err, token)
	}
	if rows[0].Scopes[0] != access.Admin.String() {
		t.Errorf("scopes %v", rows[0].Scopes)
	}
	revoke := KeysRevoke{keysTarget: of, ID: rows[0].ID, Out: io.Discard}
	if err := revoke.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if err := revoke.Run(t.Context()); CodeOf(err) != ExitFailed {
		t.Errorf("revoking again: %v", err)
	}
	for given, want := range map[string]int{"redis://127.0.0.1:1": ExitUnavailable, "ftp://x": ExitUsage} {
		revoke.RedisURL = given
		if err := revoke.Run(t.Context()); CodeOf(err) != want {
			t.Errorf("%s: exit %d (%v)", given, CodeOf(err), err)
		}
	}
}

// REDIS_URL in the environment does not lead past the gateway, and nothing that changes something comes from there.
func TestControlFlagsOfTheEnvironment(t *testing.T) {
	for _, name := range []string{"REDIS_URL", "MILLRACE_REDIS_URL", "MILLRACE_SCOPE", "MILLRACE_WHY", "MILLRACE_SET", "MILLRACE_PER"} {
		t.Setenv(name, "x=1")
	}
	t.Setenv("MILLRACE_KEY", "mr_k")
	type commands struct {
		Keys  Keys  `cmd:""`
		Limit Limit `cmd:""`
		Pause Pause `cmd:""`
	}
	parse := func(args ...string) (c commands, err error) {
		parser, err := kong.New(&c, kong.DefaultEnvars("MILLRACE"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(args)
		return c, err
	}
	c, err := parse("keys", "create", "a", "--scope", "read", "--scope=admin")
	if create := c.Keys.Create; err != nil || create.RedisURL != "" || len(create.Scope) != 2 || create.Key != "mr_k" {
		t.Errorf("keys create: %+v (%v)", create, err)
	}
	t.Setenv("MILLRACE_KEYS_REDIS_URL", "redis://:pw@r:1")
	if c, err = parse("keys", "list"); err != nil || c.Keys.List.RedisURL != "redis://:pw@r:1" {
		t.Errorf("keys list: %+v (%v)", c.Keys.List, err)
	}
	if c, err = parse("limit"); err != nil || len(c.Limit.Set) != 0 || c.Limit.Why != "" || c.Limit.Per != "credential" {
		t.Errorf("limit: %+v (%v)", c.Limit, err)
	}
	if c, err = parse("pause"); err != nil || c.Pause.Why != "" {
		t.Errorf("pause: %+v (%v)", c.Pause, err)
	}
	if c, err = parse("limit", "5/s", "6MB/s", "--set=connections=5", "--set", "events-per-address=off", "--per=address"); err != nil ||
		len(c.Limit.Rates) != 2 || len(c.Limit.Set) != 2 || c.Limit.Set["events-per-address"] != "off" {
		t.Errorf("limit: %+v (%v)", c.Limit, err)
	}
	for _, wrong := range [][]string{{"keys", "create", "a"}, {"keys", "create", "--scope=read"}, {"keys", "create", "a", "--scope=root"}, {"limit", "--per=all"}} {
		if _, err := parse(wrong...); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
}
