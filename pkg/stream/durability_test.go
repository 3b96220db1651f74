package stream

import (
	"strings"
	"testing"
	"time"
)

func TestParseDurability(t *testing.T) {
	for text, want := range map[string]Demand{
		"": {}, "auto": {}, "memory": {Level: "memory"}, "stored": {Level: "stored"}, "fsynced": {Level: "fsynced"},
		"replicated:1": {"replicated", 1}, "replicated:9": {"replicated", 9},
	} {
		got, err := ParseDurability(text)
		if err != nil || got != want {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, want)
		}
		if again, err := ParseDurability(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q and read %+v (%v)", text, got, again, err)
		}
	}
	for _, text := range []string{
		"replicated", "replicated:", "replicated:0", "replicated:10", "replicated:-1", "replicated:x", "replicated:1:1",
		"memory:1", "stored:", "auto:1", ":", ":1", "Memory", " stored", "fsync",
	} {
		if d, err := ParseDurability(text); err == nil || !strings.Contains(err.Error(), "replicated:N") {
			t.Errorf("%q is %+v (%v)", text, d, err)
		}
	}
}

func TestPromise(t *testing.T) {
	memory := offer{level: "memory", why: "no file"}
	stored := offer{level: "stored", why: "once a second"}
	fsynced := offer{level: "fsynced"}
	with := func(o offer, waitAOF bool, replicas int) offer {
		o.waitAOF, o.replicas = waitAOF, replicas
		return o
	}
	for _, c := range []struct {
		asked string
		offer offer
		want  Promise
	}{
		{"auto", memory, Promise{Level: "memory"}},
		{"auto", with(stored, true, 2), Promise{Level: "stored"}},
		{"auto", with(fsynced, true, 2), Promise{Level: "fsynced"}},
		{"memory", memory, Promise{Level: "memory"}},
		{"memory", with(fsynced, true, 2), Promise{Level: "memory"}},
		{"stored", memory, Promise{Level: "memory", Below: true}},
		{"stored", with(stored, true, 2), Promise{Level: "stored"}},
		{"stored", fsynced, Promise{Level: "stored"}},
		{"fsynced", memory, Promise{Level: "memory", Below: true}},
		{"fsynced", with(stored, false, 2), Promise{Level: "stored", Below: true}},
		{"fsynced", with(stored, true, 0), Promise{Level: "fsynced", Fsync: true}},
		{"fsynced", with(fsynced, true, 0), Promise{Level: "fsynced"}},
		{"replicated:2", with(memory, false, 1), Promise{Level: "memory", Below: true, Replicas: 2}},
		{"replicated:2", with(fsynced, true, 1), Promise{Level: "fsynced", Below: true, Replicas: 2}},
		{"replicated:2", with(memory, false, 2), Promise{Level: "replicated:2", Replicas: 2}},
		{"replicated:2", with(stored, false, 3), Promise{Level: "replicated:2", Replicas: 2}},
		{"replicated:1", with(stored, true, 1), Promise{Level: "replicated:1", Fsync: true, Replicas: 1}},
		{"replicated:1", with(fsynced, true, 1), Promise{Level: "replicated:1", Replicas: 1}},
	} {
		d, err := ParseDurability(c.asked)
		if err != nil {
			t.Fatal(err)
		}
		got := d.promise(c.offer)
		if (got.Why != "") != got.Below || got.Below && !strings.Contains(got.Why, "--durability="+c.asked) {
			t.Errorf("%s of %+v: why is %q", c.asked, c.offer, got.Why)
		}
		got.Why = ""
		if got != c.want {
			t.Errorf("%s of %+v is %+v, want %+v", c.asked, c.offer, got, c.want)
		}
		if !d.Waits() && (got.Fsync || got.Replicas > 0) {
			t.Errorf("%s is said not to wait, and does", c.asked)
		}
	}
}

// Of two nodes only what both offer can be said.
func TestLeastOffer(t *testing.T) {
	a := offer{level: "fsynced", waitAOF: true, replicas: 1}
	b := offer{level: "stored", why: "b", waitAOF: false, replicas: 2}
	for _, got := range []offer{a.least(b), b.least(a)} {
		if got.level != "stored" || got.why != "b" || got.waitAOF || got.replicas != 1 {
			t.Errorf("the least of both is %+v", got)
		}
	}
}

func TestPersistence(t *testing.T) {
	for _, c := range []struct{ aof, fsync, rewrite, want string }{
		{"no", "always", "no", "memory"}, {"", "", "", "memory"}, {"yes", "no", "no", "memory"},
		{"yes", "everysec", "no", "stored"}, {"yes", "always", "yes", "stored"}, {"yes", "always", "no", "fsynced"},
	} {
		o := persistence(map[string]string{"appendonly": c.aof, "appendfsync": c.fsync, "no-appendfsync-on-rewrite": c.rewrite})
		if o.level != c.want || o.why == "" {
			t.Errorf("%+v offers %+v", c, o)
		}
	}
}

func TestAtLeast(t *testing.T) {
	for version, want := range map[string]bool{
		"7.2.0": true, "7.2": true, "7.10.1": true, "8.0.0": true, "255.255.255": true,
		"7.0.15": false, "6.9": false, "": false, "7": false, "x.y": false,
	} {
		if got := atLeast(version, 7, 2); got != want {
			t.Errorf("%q is at least 7.2: %v", version, got)
		}
	}
}

// Confirmations end before the answer is given up, and never last 0 ms, which would be for ever.
func TestConfirmationsEndBeforeTheAnswerIsGivenUp(t *testing.T) {
	for _, timeout := range []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second, time.Minute} {
		c := Config{Timeout: timeout, Durability: "replicated:1"}
		for n := 1; n <= 2; n++ {
			each := c.confirmWithin(n)
			if each < 100*time.Millisecond || time.Duration(n)*each+cronSlack > c.readWithin() {
				t.Errorf("timeout %v: %d of %v, and an answer is waited for %v", timeout, n, each, c.readWithin())
			}
		}
		c.Durability = ""
		if c.readWithin() != timeout {
			t.Errorf("without waiting an answer is waited for %v, not %v", c.readWithin(), timeout)
		}
	}
}
