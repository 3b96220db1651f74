package cli

import "testing"

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
