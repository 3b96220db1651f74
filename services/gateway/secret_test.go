package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream/streamtest"
)

// Nothing that was shown as a key is logged, echoed or kept, by whatever way it came.
func TestKeysStaySecret(t *testing.T) {
	root, token := keyOf(t, "root", access.All)
	g := startGateway(t, streamtest.Embedded(t), func(c *Config) { c.Telemetry.LogLevel = "debug" })
	g.process.keys.Set(access.NewRing([]access.Key{root}))
	wrong := "mr_" + root.ID + "_WR0NGWR0NGWR0NGWR0NGWR0NG1"
	secrets := []string{token[len("mr_")+len(root.ID)+1:], "WR0NG"}
	var said strings.Builder
	note := func(status int, header http.Header, text string) { fmt.Fprintln(&said, status, header, text) }
	base := "http://" + g.addr
	for _, key := range []string{token, wrong} {
		for _, path := range []string{"/ws", "/api/stats", "/debug/memory", "/api/nothing", "/ws?session=x"} {
			joint := "?"
			if strings.Contains(path, "?") {
				joint = "&"
			}
			note(asker{method: "GET", path: path, header: bearer(key)}.ask(t, g.client, base))
			note(asker{method: "GET", path: path + joint + "access_token=" + key}.ask(t, g.client, base))
			note(asker{method: "GET", path: path + joint + "access_token=" + key, host: "evil.example", header: http.Header{"Origin": {"https://evil.example"}}}.ask(t, g.client, base))
			note(asker{method: "GET", path: path, header: http.Header{"Sec-Websocket-Protocol": {"millrace.v1.json, millrace.key." + key}}}.ask(t, g.client, base))
		}
		note(asker{method: "POST", path: "/api/events?access_token=" + key, body: `{"type":""}`}.ask(t, g.client, base))
		note(asker{method: "POST", path: "/api/events", body: `{`, header: bearer(key)}.ask(t, g.client, base))
		note(asker{method: "POST", path: "/api/events?access_token=" + key, body: `{`, header: http.Header{"Origin": {"https://evil.example"}}}.ask(t, g.client, base))
	}
	for _, path := range []string{"/debug/buffer", "/debug/rejects", "/debug/logs?level=debug", "/debug/memory"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = bearer(token)
		w, err := g.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(w.Body)
		_ = w.Body.Close()
		note(w.StatusCode, w.Header, fmt.Sprint(string(text), err))
	}
	g.end()
	if !strings.Contains(g.logged.String(), "unauthorized") {
		t.Error("the log says nothing of who was refused")
	}
	for _, secret := range secrets {
		for what, text := range map[string]string{"log": g.logged.String(), "answers": said.String()} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("a key is in the %s: …%s…", what, text[max(0, i-200):i+20])
			}
		}
	}
}
