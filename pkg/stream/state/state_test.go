package state_test

import (
	"testing"

	"millrace.dev/pkg/stream/state"
)

func TestFieldsAndKeys(t *testing.T) {
	for _, key := range []string{"", "other", "n:", "sensor.reading", "größe"} {
		field := state.Field(key)
		if got, ok := state.Key(field); !ok || got != key {
			t.Errorf("Key(Field(%q)) = %q, %v", key, got, ok)
		}
		if field == state.OtherField {
			t.Errorf("key %q is stored where the overflow is", key)
		}
	}
	if key, ok := state.Key(state.OtherField); ok {
		t.Errorf("the overflow is taken for key %q", key)
	}
}
