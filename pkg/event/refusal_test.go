package event

import "testing"

func TestRefusals(t *testing.T) {
	for code, retryable := range map[string]bool{
		"invalid_json": false, "invalid_event": false, "too_large": false, "too_many_events": false,
		"rate_limited": true, "overloaded": true, "paused": true, "unavailable": true, "dropped": true,
	} {
		r := Refuse(code, "because")
		if r.Retryable != retryable || r.Error() != code+": because" {
			t.Errorf("%s: retryable %v, error %q", code, r.Retryable, r)
		}
	}
}

func TestClipKeepsCharactersWhole(t *testing.T) {
	for n, want := range []string{"", "a", "a", "aé", "aéo", "aéo"} {
		if got := clip("aéo", n); got != want {
			t.Errorf("clip to %d bytes: %q, want %q", n, got, want)
		}
	}
}
