package gateway

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

// A gateway knows, and says once, that Redis no longer gives what was asked for, and that it does again.
func TestUnderDurable(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	for _, c := range []struct {
		asked       string
		below       bool
		says, again string
	}{
		{"fsynced", true, "no longer gives", "gives the durability that was asked for again"},
		{"auto", false, "has changed", "from=stored to=fsynced"},
		{"stored", false, "", ""},
	} {
		s, err := stream.Open(t.Context(), stream.Config{URL: srv.URL, PoolMax: 2, Timeout: time.Second, Limits: "any", Durability: c.asked})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var text bytes.Buffer
		g := newGateway(bubbleConfig(), s, "g", slog.New(slog.NewTextHandler(&text, nil)))
		look := func(fsync string) (said string) {
			t.Helper()
			if err := srv.Client(t).ConfigSet(t.Context(), "appendfsync", fsync).Err(); err != nil {
				t.Fatal(err)
			}
			text.Reset()
			g.look(t.Context())
			return text.String()
		}
		if said := look("always"); said != "" || (g.gate.level(byDurability) != 0) {
			t.Errorf("%s: at first %q", c.asked, said)
		}
		said := look("everysec")
		if !strings.Contains(said, c.says) || (said == "") != (c.says == "") || (g.gate.level(byDurability) != 0) != c.below || g.facts.Load().durability != "stored" {
			t.Errorf("%s: everysec: below %v, %q", c.asked, (g.gate.level(byDurability) != 0), said)
		}
		if said := look("everysec"); said != "" {
			t.Errorf("%s: it says again: %q", c.asked, said)
		}
		said = look("always")
		if !strings.Contains(said, c.again) || (said == "") != (c.again == "") || (g.gate.level(byDurability) != 0) {
			t.Errorf("%s: always: below %v, %q", c.asked, (g.gate.level(byDurability) != 0), said)
		}
	}
}

func TestDurabilityIsChecked(t *testing.T) {
	f := bubbleConfig().Flags
	f.Durability = "replicated:0"
	if err := f.Check(); err == nil || !strings.Contains(err.Error(), "--durability") {
		t.Errorf("replicated:0: %v", err)
	}
}

// Who was told more than is true is sent away, to hear what is.
func TestDurabilityFallsUnderConnections(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	g := startGateway(t, srv, nil)
	p := g.open(named(1))
	if m := p.next(); m.Durability != stream.DurabilityFsynced {
		t.Fatalf("hello says %s", m.Durability)
	}
	p.send(ev(1))
	p.expectAck(1)
	if err := srv.Client(t).ConfigSet(t.Context(), "appendfsync", "everysec").Err(); err != nil {
		t.Fatal(err)
	}
	if code, said := p.closed(); code != websocket.StatusServiceRestart {
		t.Errorf("closed with %d after %v", code, said)
	}
	if m := g.open(named(2)).next(); m.Durability != stream.DurabilityStored || !m.Resumed {
		t.Errorf("then hello is %+v", m)
	}
}
