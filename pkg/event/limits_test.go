package event

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestDefaultLimitsAreThoseOfTheTags(t *testing.T) {
	l := reflect.ValueOf(DefaultLimits())
	for i := range l.NumField() {
		tag := l.Type().Field(i).Tag.Get("default")
		if got := strconv.FormatInt(l.Field(i).Int(), 10); got != tag {
			t.Errorf("%s is %s, its tag says %s", l.Type().Field(i).Name, got, tag)
		}
	}
	if err := DefaultLimits().Check(); err != nil {
		t.Error(err)
	}
}

func TestLimitsCheckTellsAllFaults(t *testing.T) {
	err := Limits{FrameBytes: 1 << 20, EventBytes: 1<<20 + 1, BatchEvents: 0, Depth: 1001}.Check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"event bytes", "batch events", "depth"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
	if strings.Contains(err.Error(), "frame bytes") {
		t.Errorf("%q names what is right", err)
	}
}

// The text is in people's Redis: this test changes only together with the version of the rules.
func TestLimitsString(t *testing.T) {
	if got, want := DefaultLimits().String(), "rules=1 frame=1048576 event=1048576 batch=1000 depth=64"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
