package control

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

func testNothing(t *testing.T, s *stream.Stream) {
	state := held(t, s)
	if state.Version != 0 || state.Pause != nil || state.Limits != nil || state.LimitsChange != nil ||
		len(state.Keys)+len(state.Log) != 0 || state.Lost {
		t.Errorf("nobody said %+v", state)
	}
}

func testPause(t *testing.T, s *stream.Stream) {
	before := time.Now().Add(-time.Second)
	if v := done(t)(Pause(t.Context(), s, "anna", "the disk is full: \"why?\" – later")); v != 1 {
		t.Errorf("the first change makes version %d", v)
	}
	p := held(t, s).Pause
	if p == nil || p.By != "anna" || p.What != "paused" || p.Why != "the disk is full: \"why?\" – later" {
		t.Fatalf("paused is %+v", p)
	}
	if p.At.Before(before) || p.At.After(time.Now().Add(time.Second)) || p.At.Location() != time.UTC {
		t.Errorf("paused at %v", p.At)
	}
	if v := done(t)(Resume(t.Context(), s, "bert", "")); v != 2 {
		t.Errorf("the second change makes version %d", v)
	}
	state := held(t, s)
	if state.Pause != nil || state.Version != 2 || len(state.Log) != 2 {
		t.Fatalf("resumed is %+v", state)
	}
	if state.Log[0].What != "resumed" || state.Log[0].By != "bert" || state.Log[1] != *p {
		t.Errorf("the log is %+v", state.Log)
	}
}

// Who did it first, and when, stays, unless the reason is another.
func testPauseTwice(t *testing.T, s *stream.Stream) {
	done(t)(Pause(t.Context(), s, "anna", "a"))
	first := held(t, s)
	if v := done(t)(Pause(t.Context(), s, "bert", "a")); v != 1 {
		t.Errorf("pausing again makes version %d", v)
	}
	if again := held(t, s); *again.Pause != *first.Pause || len(again.Log) != 1 {
		t.Errorf("pausing again changed %+v to %+v", first, again)
	}
	done(t)(Pause(t.Context(), s, "bert", "b"))
	if p := held(t, s).Pause; p.By != "bert" || p.Why != "b" {
		t.Errorf("for another reason it is %+v", p)
	}
	done(t)(Resume(t.Context(), s, "bert", ""))
	if v := done(t)(Resume(t.Context(), s, "anna", "again")); v != 3 {
		t.Errorf("resuming again makes version %d", v)
	}
	for _, why := range []string{"b", ""} { // as before, and as of what is resumed
		done(t)(Pause(t.Context(), s, "anna", why))
		if held(t, s).Pause == nil {
			t.Error("it can't be paused again")
		}
		done(t)(Resume(t.Context(), s, "anna", ""))
	}
}

func testResumeUnpaused(t *testing.T, s *stream.Stream) {
	if v := done(t)(Resume(t.Context(), s, "anna", "")); v != 1 {
		t.Errorf("Redis may have lost the pause, so it is a change: version %d", v)
	}
	if v := done(t)(Resume(t.Context(), s, "anna", "")); v != 1 {
		t.Errorf("now it is none: version %d", v)
	}
}

func testLimits(t *testing.T, s *stream.Stream) {
	done(t)(SetLimits(t.Context(), s, map[Limit]float64{
		EventsPerCredential: 5000, BytesPerAddress: 1e15, SessionsPerAddress: 0.25, Connections: 0,
	}, nil, "anna", "overload"))
	state := held(t, s)
	if len(state.Limits) != 4 || state.Limits[EventsPerCredential] != 5000 || state.Limits[BytesPerAddress] != 1e15 ||
		state.Limits[SessionsPerAddress] != 0.25 {
		t.Errorf("the limits are %v", state.Limits)
	}
	if zero, set := state.Limits[Connections]; !set || zero != 0 {
		t.Error("no limit at all is not the same as none set")
	}
	c := state.LimitsChange
	if c == nil || c.By != "anna" || c.Why != "overload" ||
		c.What != "limited bytes-per-address=1000000000000000, connections=0, events-per-credential=5000, sessions-per-address=0.25" {
		t.Errorf("the change is %+v", c)
	}
	done(t)(SetLimits(t.Context(), s, map[Limit]float64{SessionsPerAddress: 3}, []Limit{BytesPerAddress, ConnectionsPerAddress}, "bert", ""))
	state = held(t, s)
	if len(state.Limits) != 3 || state.Limits[SessionsPerAddress] != 3 || state.Limits[EventsPerCredential] != 5000 {
		t.Errorf("the limits are %v", state.Limits)
	}
	if w := state.LimitsChange.What; w != "limited sessions-per-address=3, bytes-per-address off, connections-per-address off" {
		t.Errorf("the change is %q", w)
	}
}

// All faults are named, and nothing is changed.
func testWrongLimits(t *testing.T, s *stream.Stream) {
	_, err := SetLimits(t.Context(), s, map[Limit]float64{
		"events": 1, EventsPerCredential: -1, BytesPerCredential: math.NaN(), Connections: math.Inf(1), EventsPerAddress: 5,
	}, []Limit{"all", EventsPerAddress}, "anna", "tab\t")
	for _, part := range []string{"events: ", "events-per-credential: -1", "bytes-per-credential: NaN", "connections: +Inf",
		"all: ", "events-per-address: ", "why: "} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not named in %v", part, err)
		}
	}
	if _, err := SetLimits(t.Context(), s, nil, nil, "anna", ""); !errors.Is(err, ErrLimit) {
		t.Errorf("without any: %v", err)
	}
	if v := held(t, s).Version; v != 0 {
		t.Errorf("it made version %d", v)
	}
}

func testKeys(t *testing.T, s *stream.Stream) {
	root, shop := mint(t, "root", access.All), mint(t, "shop", access.Publish|access.Read)
	done(t)(AddKey(t.Context(), s, root, "cli@anna"))
	done(t)(AddKey(t.Context(), s, shop, "root"))
	state := held(t, s)
	if len(state.Keys) != 2 || state.Version != 2 {
		t.Fatalf("the keys are %+v", state.Keys)
	}
	for i, want := range []access.Key{root, shop} {
		if state.Keys[0].ID != root.ID { // both were made in one millisecond
			i = 1 - i
		}
		got := state.Keys[i]
		if time.Since(got.Created) > time.Minute || got.Created.Location() != time.UTC {
			t.Errorf("it was created at %v", got.Created)
		}
		want.Created = got.Created
		if got != want {
			t.Errorf("a key is %+v, want %+v", got, want)
		}
	}
	if c := state.Log[0]; c.By != "root" || !strings.Contains(c.What, shop.ID) || !strings.Contains(c.What, "publish,read") {
		t.Errorf("the log says %+v", c)
	}
	done(t)(RevokeKey(t.Context(), s, shop.ID, "root"))
	if state = held(t, s); len(state.Keys) != 1 || state.Keys[0].ID != root.ID || state.Log[0].What != "key revoked: "+shop.ID {
		t.Errorf("after revoking: %+v", state)
	}
	if _, err := RevokeKey(t.Context(), s, shop.ID, "root"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("revoking again: %v", err)
	}
	if raw := s.Redis().HGetAll(t.Context(), stream.ControlKey).Val(); strings.Contains(fmt.Sprint(raw), "mr_") {
		t.Error("a token is stored")
	}
}

func testAdmin(t *testing.T, s *stream.Stream) {
	shop, first, second := mint(t, "shop", access.Publish), mint(t, "first", access.Admin), mint(t, "second", access.All)
	refused := func(what string, err, want error) {
		t.Helper()
		before := held(t, s)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if after := held(t, s); after.Version != before.Version {
			t.Errorf("%s made a version", what)
		}
	}
	_, err := AddKey(t.Context(), s, shop, "")
	refused("a first key without admin", err, ErrNoAdmin)
	done(t)(AddKey(t.Context(), s, first, ""))
	done(t)(AddKey(t.Context(), s, shop, ""))
	_, err = RevokeKey(t.Context(), s, first.ID, "")
	refused("revoking the only one with admin", err, ErrNoAdmin)
	done(t)(AddKey(t.Context(), s, second, ""))
	done(t)(RevokeKey(t.Context(), s, first.ID, ""))
	_, err = RevokeKey(t.Context(), s, second.ID, "")
	refused("revoking the last one with admin", err, ErrNoAdmin)
	done(t)(RevokeKey(t.Context(), s, shop.ID, ""))
	done(t)(RevokeKey(t.Context(), s, second.ID, "")) // nobody else needs it
	if n := len(held(t, s).Keys); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	_, err = AddKey(t.Context(), s, shop, "")
	refused("a first key without admin, again", err, ErrNoAdmin)
}

func testAddAgain(t *testing.T, s *stream.Stream) {
	root := mint(t, "root", access.All)
	first := done(t)(AddKey(t.Context(), s, root, ""))
	if again := done(t)(AddKey(t.Context(), s, root, "")); again != first || len(held(t, s).Keys) != 1 {
		t.Errorf("version %d, then %d: %+v", first, again, held(t, s))
	}
	other := mint(t, "other", access.All)
	other.ID = root.ID
	if _, err := AddKey(t.Context(), s, other, ""); !errors.Is(err, ErrKeyTaken) {
		t.Errorf("another key with its id: %v", err)
	}
	if k := held(t, s).Keys[0]; k.Hash != root.Hash {
		t.Error("another key with its id took its place")
	}
}

func testMostKeys(t *testing.T, s *stream.Stream) {
	done(t)(AddKey(t.Context(), s, mint(t, "root", access.All), ""))
	s.Redis().HSet(t.Context(), stream.ControlKey, "keys", MostKeys-1)
	done(t)(AddKey(t.Context(), s, mint(t, "last", access.Read), ""))
	if _, err := AddKey(t.Context(), s, mint(t, "more", access.Read), ""); !errors.Is(err, ErrTooManyKeys) {
		t.Errorf("one more: %v", err)
	}
}

func testLog(t *testing.T, s *stream.Stream) {
	for i := range 2*mostLog + 7 {
		done(t)(Pause(t.Context(), s, "anna", fmt.Sprint(i)))
	}
	log := held(t, s).Log
	if len(log) != mostLog {
		t.Fatalf("%d changes are kept", len(log))
	}
	for i, c := range log {
		if want := fmt.Sprint(2*mostLog + 6 - i); c.Why != want {
			t.Fatalf("change %d is %q, want %q", i, c.Why, want)
		}
	}
	if n := s.Redis().HLen(t.Context(), stream.ControlKey).Val(); n > mostLog+3 {
		t.Errorf("%d fields", n)
	}
}

// Every change is one of its own, and none is lost.
func testConcurrent(t *testing.T, s *stream.Stream) {
	const operators, changes = 8, 5
	done(t)(AddKey(t.Context(), s, mint(t, "root", access.All), ""))
	versions := make(chan uint64, operators*changes)
	var wg sync.WaitGroup
	for range operators {
		k := mint(t, "k", access.Publish)
		wg.Go(func() {
			for i := range changes {
				k.ID = fmt.Sprint(k.ID[:4], i)
				version, err := AddKey(t.Context(), s, k, "")
				if err != nil {
					t.Error(err)
				}
				versions <- version
			}
		})
	}
	wg.Wait()
	close(versions)
	seen := map[uint64]bool{}
	for v := range versions {
		seen[v] = true
	}
	state := held(t, s)
	if len(seen) != operators*changes || state.Version != operators*changes+1 || len(state.Keys) != operators*changes+1 {
		t.Errorf("%d versions, at last %d, and %d keys", len(seen), state.Version, len(state.Keys))
	}
}

func testLargeVersion(t *testing.T, s *stream.Stream) {
	s.Redis().HSet(t.Context(), stream.ControlKey, "version", "99999999999999 life mark")
	if v := done(t)(Pause(t.Context(), s, "anna", "")); v != 1e14 {
		t.Errorf("version %d", v)
	}
	if state := held(t, s); state.Version != 1e14 || len(state.Log) != 1 {
		t.Errorf("state %+v", state)
	}
}

func testWhy(t *testing.T, s *stream.Stream) {
	for _, why := range []string{strings.Repeat("ü", LongestWhy+1), "a\nb", "\x1b[31m", "\xff", "a\u202eb", "a\u200bb", "\ufeff"} {
		if _, err := Pause(t.Context(), s, "anna", why); err == nil || !strings.HasPrefix(err.Error(), "why: ") {
			t.Errorf("%q is taken: %v", why, err)
		}
	}
	done(t)(Pause(t.Context(), s, "anna", strings.Repeat("ü", LongestWhy)))
}

func testBeside(t *testing.T, s *stream.Stream) {
	done(t)(Pause(t.Context(), s, "anna", ""))
	if keys := s.Redis().Keys(t.Context(), "*").Val(); len(keys) != 1 || keys[0] != stream.ControlKey {
		t.Errorf("Redis holds %v", keys)
	}
}

// An operator pauses exactly when Redis is full, and everything else of control works then too.
func TestFullRedis(t *testing.T) {
	for _, empty := range []bool{true, false} {
		s := open(t, streamtest.Redis(t).URL)
		if !empty {
			done(t)(Resume(t.Context(), s, "anna", ""))
		}
		if err := s.Redis().ConfigSet(t.Context(), "maxmemory", "100kb").Err(); err != nil { // less than it uses
			t.Fatal(err)
		}
		if err := s.Redis().Set(t.Context(), "one", "x", 0).Err(); !errors.Is(stream.Classify(err), stream.ErrFull) {
			t.Fatalf("Redis is not full: %v", err)
		}
		root := mint(t, "root", access.All)
		done(t)(Pause(t.Context(), s, "anna", "it is full"))
		done(t)(SetLimits(t.Context(), s, map[Limit]float64{Connections: 1}, []Limit{EventsPerAddress}, "anna", ""))
		done(t)(AddKey(t.Context(), s, root, ""))
		if state := held(t, s); state.Pause == nil || len(state.Limits) != 1 || len(state.Keys) != 1 {
			t.Errorf("state %+v", state)
		}
		done(t)(RevokeKey(t.Context(), s, root.ID, ""))
		done(t)(Resume(t.Context(), s, "anna", ""))
	}
}

// What was said is there after a restart of Redis.
func TestRestart(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	s := open(t, srv.URL)
	done(t)(Pause(t.Context(), s, "anna", "upgrade"))
	done(t)(AddKey(t.Context(), s, mint(t, "root", access.All), ""))
	before := held(t, s)
	srv.Kill()
	srv.Start()
	after := held(t, open(t, srv.URL))
	if after.Pause == nil || *after.Pause != *before.Pause || after.Version != 2 || len(after.Keys) != 1 || after.Keys[0] != before.Keys[0] {
		t.Errorf("before %+v, after %+v", before, after)
	}
}
