package produce

import (
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/stream/streamtest"
)

func testResume(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	fresh := session(t, s, "one")
	if fresh.Resumed() || fresh.Last() != 0 {
		t.Errorf("a new session: resumed %v, last %d", fresh.Resumed(), fresh.Last())
	}
	a := NewAppender(s, "g", time.Hour)
	store(t, a, 0, part(t, fresh, "one", 1, 2))
	store(t, a, 1, part(t, fresh, "one", 3, 7))
	again := session(t, s, "one")
	if !again.Resumed() || again.Last() != 7 || again.Mark(0) != 2 || again.Mark(1) != 7 {
		t.Errorf("resumed %v, last %d, marks %d and %d", again.Resumed(), again.Last(), again.Mark(0), again.Mark(1))
	}
	other, err := Open(t.Context(), s, "somebody else", "one", time.Hour)
	if err != nil || other.Resumed() {
		t.Errorf("the same name under another credential is resumed: %v (%v)", other.Resumed(), err)
	}
}

func testConnectingMakesNothing(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	for range 10 {
		session(t, s, "only connected")
	}
	for _, key := range s.Redis().Keys(t.Context(), "*").Val() {
		if strings.Contains(key, ":mark:") {
			t.Errorf("connecting alone made %s", key)
		}
	}
}

// Refreshing keeps a session for another life.
func TestRefreshKeeps(t *testing.T) {
	s := open(t, streamtest.Redis(t))
	store(t, NewAppender(s, "g", time.Minute), 0, part(t, session(t, s, "one"), "one", 1))
	again, err := Open(t.Context(), s, "", "one", 10*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range s.Redis().Keys(t.Context(), "*:mark:"+again.id).Val() {
		if left := s.Redis().PTTL(t.Context(), key).Val(); left < 9*time.Hour {
			t.Errorf("%s lives for %v", key, left)
		}
	}
}
