package control

import (
	"context"
	"iter"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedis(t *testing.T)    { suite(t, streamtest.Redis) }
func TestEmbedded(t *testing.T) { suite(t, streamtest.Embedded) }

// suite is what holds of both servers.
func suite(t *testing.T, begin func(testing.TB) *streamtest.Server) {
	tests := map[string]func(*testing.T, *stream.Stream){
		"nobody has said anything":               testNothing,
		"paused and resumed":                     testPause,
		"pausing twice":                          testPauseTwice,
		"resuming what nobody paused":            testResumeUnpaused,
		"limits":                                 testLimits,
		"limits that are none":                   testWrongLimits,
		"keys":                                   testKeys,
		"a key with admin is left":               testAdmin,
		"a lost answer of adding a key":          testAddAgain,
		"not more keys than are taken":           testMostKeys,
		"the log is bounded":                     testLog,
		"many operators at once":                 testConcurrent,
		"numbers beyond doubles' short form":     testLargeVersion,
		"who watches hears":                      testWatch,
		"a Redis that lost all":                  testLost,
		"a Redis that lost all, said anew":       testLostAndSaid,
		"a Redis that fell back":                 testFellBack,
		"a Redis that was restored":              testRevokedStaysShut,
		"a Redis without the newest key":         testKeysOfAnOlderState,
		"what can't be read is kept as it was":   testUnreadable,
		"watching ends with its context":         testWatchEnds,
		"a reason that can't be shown":           testWhy,
		"what is beside the stream makes no one": testBeside,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open(t, begin(t).URL)) })
	}
}

func open(t *testing.T, url string) *stream.Stream {
	t.Helper()
	s, err := stream.Beside(t.Context(), stream.Config{
		URL: url, PoolMax: 10, Timeout: 5 * time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// held is what Redis holds.
func held(t *testing.T, s *stream.Stream) State {
	t.Helper()
	state, err := Get(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// done checks a change and returns its version.
func done(t *testing.T) func(version uint64, err error) uint64 {
	return func(version uint64, err error) uint64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
}

func mint(t *testing.T, name string, scopes access.Scope) access.Key {
	t.Helper()
	k, _, err := access.Mint(name, scopes, "root", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// heard is one thing that Watch yields.
type heard struct {
	State
	err error
}

// listener is somebody who watches.
type listener struct {
	t    *testing.T
	next func() (State, error, bool)
}

// listen watches until the test ends.
func listen(t *testing.T, s *stream.Stream) listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	next, stop := iter.Pull2(Watch(ctx, s, time.Millisecond))
	t.Cleanup(func() { stop(); cancel() })
	return listener{t, next}
}

// hears is the next thing that Watch yields.
func (l listener) hears() heard {
	l.t.Helper()
	state, err, ok := l.next()
	if !ok {
		l.t.Fatal("nothing more is heard")
	}
	return heard{state, err}
}

// hearsState is the next thing, which must be a state.
func (l listener) hearsState() State {
	l.t.Helper()
	h := l.hears()
	if h.err != nil {
		l.t.Fatal(h.err)
	}
	return h.State
}
