package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestWebSocketOfAURL(t *testing.T) {
	for given, want := range map[string]string{
		"ws://127.0.0.1:8000/ws":       "ws://127.0.0.1:8000/ws",
		"http://127.0.0.1:8000":        "ws://127.0.0.1:8000/ws",
		"https://events.example/":      "wss://events.example/ws",
		"wss://events.example/mill/ws": "wss://events.example/mill/ws",
		"ftp://events.example/x":       "ftp://events.example/x",
		"ws://h/ws?access_token=a%20b": "ws://h/ws?access_token=a%20b",
	} {
		if got := (Target{URL: given}).webSocket(); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}

// A key that can't be sent is wrong usage, in every command, and is not shown.
func TestKeyThatCannotBeSent(t *testing.T) {
	for _, key := range []string{"mr_secret\n", "mr_se\x01cret", "mr_ secret", "mr_sécret"} {
		to := Target{URL: "ws://127.0.0.1:1/ws", Key: key}
		var out bytes.Buffer
		for name, err := range map[string]error{
			"stats": Stats{Target: to, Out: &out}.Run(t.Context()), "pause": Pause{Target: to, Out: &out}.Run(t.Context()),
			"keys list": KeysList{keysTarget: keysTarget{Target: to}, Out: &out}.Run(t.Context()),
			"doctor":    Doctor{Target: to, Out: &out}.Run(t.Context()),
			"send":      Send{Target: to, In: strings.NewReader("{}"), Out: &out, Err: &out}.Run(t.Context()),
		} {
			if CodeOf(err) != ExitUsage || strings.Contains(err.Error(), "cret") {
				t.Errorf("%s: exit %d (%v)", name, CodeOf(err), err)
			}
		}
	}
}
