package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

func testWatch(t *testing.T, s *stream.Stream) {
	l := listen(t, s)
	if state := l.hearsState(); state.Version != 0 {
		t.Errorf("at first %+v", state)
	}
	done(t)(Pause(t.Context(), s, "anna", ""))
	if state := l.hearsState(); state.Pause == nil || state.Version != 1 {
		t.Errorf("paused is %+v", state)
	}
	done(t)(Pause(t.Context(), s, "anna", "")) // no news
	done(t)(Resume(t.Context(), s, "anna", ""))
	if state := l.hearsState(); state.Pause != nil || state.Version != 2 {
		t.Errorf("resumed is %+v", state)
	}
	if state := listen(t, s).hearsState(); state.Version != 2 || len(state.Log) != 2 {
		t.Errorf("who comes late hears %+v", state)
	}
}

// everything says something of every matter, and returns a listener that has heard it.
func everything(t *testing.T, s *stream.Stream) (listener, State) {
	t.Helper()
	done(t)(Pause(t.Context(), s, "anna", "upgrade"))
	done(t)(SetLimits(t.Context(), s, map[Limit]float64{Connections: 7}, nil, "anna", ""))
	done(t)(AddKey(t.Context(), s, mint(t, "root", access.All), ""))
	l := listen(t, s)
	state := l.hearsState()
	if state.Lost || state.Pause == nil || state.Limits[Connections] != 7 || len(state.Keys) != 1 {
		t.Fatalf("heard %+v", state)
	}
	return l, state
}

// A loss of data opens no door and resumes nothing.
func testLost(t *testing.T, s *stream.Stream) {
	l, before := everything(t, s)
	s.Redis().FlushAll(t.Context())
	state := l.hearsState()
	if !state.Lost || state.Version != 0 || len(state.Log) != len(before.Log) {
		t.Errorf("the loss is heard as %+v", state)
	}
	if state.Pause == nil || *state.Pause != *before.Pause || state.Limits[Connections] != 7 || len(state.Keys) != 1 || state.Keys[0] != before.Keys[0] {
		t.Errorf("what was said is now %+v", state)
	}
	if late := listen(t, s).hearsState(); late.Lost || late.Pause != nil || len(late.Keys) != 0 {
		t.Errorf("who begins then knows %+v", late)
	}
}

// What was lost is remembered until somebody says it anew, matter by matter.
func testLostAndSaid(t *testing.T, s *stream.Stream) {
	l, _ := everything(t, s)
	s.Redis().FlushAll(t.Context())
	l.hearsState()
	done(t)(SetLimits(t.Context(), s, map[Limit]float64{EventsPerAddress: 3}, nil, "bert", ""))
	state := l.hearsState()
	if !state.Lost || state.Version != 1 || len(state.Log) != 1 || state.Pause == nil || len(state.Keys) != 1 || len(state.Limits) != 1 || state.Limits[EventsPerAddress] != 3 {
		t.Errorf("with other limits: %+v", state)
	}
	done(t)(Resume(t.Context(), s, "bert", ""))
	if state = l.hearsState(); !state.Lost || state.Pause != nil || len(state.Keys) != 1 {
		t.Errorf("resumed: %+v", state)
	}
	root := mint(t, "new", access.Admin)
	done(t)(AddKey(t.Context(), s, root, ""))
	if state = l.hearsState(); state.Lost || len(state.Keys) != 1 || state.Keys[0].ID != root.ID {
		t.Errorf("with a new key: %+v", state)
	}
}

// Redis comes back with what it held earlier: that a pause is over, or a key is revoked, is not forgotten here.
func testFellBack(t *testing.T, s *stream.Stream) {
	l, before := everything(t, s)
	raw := s.Redis().HGetAll(t.Context(), stream.ControlKey).Val()
	done(t)(Resume(t.Context(), s, "bert", "done"))
	if state := l.hearsState(); state.Pause != nil {
		t.Fatalf("resumed: %+v", state)
	}
	restore(t, s, raw)
	state := l.hearsState()
	if !state.Lost || state.LostKeys || state.Pause != nil || state.Version != before.Version {
		t.Errorf("Redis fell back: %+v", state)
	}
	done(t)(SetLimits(t.Context(), s, map[Limit]float64{Connections: 9}, nil, "bert", ""))
	if state = l.hearsState(); state.Lost || state.Pause == nil || state.Limits[Connections] != 9 {
		t.Errorf("the next change is on top of what Redis holds: %+v", state)
	}
}

// restore puts back what Redis held earlier.
func restore(t *testing.T, s *stream.Stream, raw map[string]string) {
	t.Helper()
	back := s.Redis().TxPipeline()
	back.Del(t.Context(), stream.ControlKey)
	back.HSet(t.Context(), stream.ControlKey, raw)
	if _, err := back.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// opens says which keys open something: their names, sorted.
func opens(state State) string {
	var names []string
	for _, k := range state.Keys {
		names = append(names, k.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// A key that was revoked opens nothing again: not when an older state is restored, not with the next change of
// something else, and not when keys are said anew on top of it.
func testRevokedStaysShut(t *testing.T, s *stream.Stream) {
	done(t)(AddKey(t.Context(), s, mint(t, "root", access.All), ""))
	leaked := mint(t, "leaked", access.All)
	done(t)(AddKey(t.Context(), s, leaked, ""))
	l := listen(t, s)
	l.hearsState()
	raw := s.Redis().HGetAll(t.Context(), stream.ControlKey).Val()
	done(t)(RevokeKey(t.Context(), s, leaked.ID, ""))
	if state := l.hearsState(); opens(state) != "root" {
		t.Fatalf("revoked: %+v", state)
	}
	restore(t, s, raw)
	if state := l.hearsState(); opens(state) != "root" || !state.LostKeys {
		t.Errorf("restored: %+v", state)
	}
	done(t)(Pause(t.Context(), s, "anna", ""))
	if state := l.hearsState(); opens(state) != "root" || !state.Lost || !state.LostKeys || state.Pause == nil {
		t.Errorf("paused then: %+v", state)
	}
	done(t)(AddKey(t.Context(), s, mint(t, "new", access.Read), ""))
	state := l.hearsState()
	if opens(state) != "new root" || state.LostKeys || len(state.CameBack) != 1 || state.CameBack[0] != leaked.ID {
		t.Errorf("keys said anew: %+v", state)
	}
	done(t)(RevokeKey(t.Context(), s, leaked.ID, ""))
	if state := l.hearsState(); opens(state) != "new root" || len(state.CameBack) != 0 {
		t.Errorf("revoked again: %+v", state)
	}
}

// A key that an older state does not hold stays in force until keys are said anew.
func testKeysOfAnOlderState(t *testing.T, s *stream.Stream) {
	l, _ := everything(t, s)
	raw := s.Redis().HGetAll(t.Context(), stream.ControlKey).Val()
	shop := mint(t, "shop", access.Publish)
	done(t)(AddKey(t.Context(), s, shop, ""))
	l.hearsState()
	restore(t, s, raw)
	if state := l.hearsState(); opens(state) != "root shop" || !state.LostKeys {
		t.Errorf("restored: %+v", state)
	}
	done(t)(Resume(t.Context(), s, "anna", ""))
	if state := l.hearsState(); opens(state) != "root shop" || !state.LostKeys || state.Pause != nil {
		t.Errorf("resumed then: %+v", state)
	}
	if _, err := RevokeKey(t.Context(), s, shop.ID, ""); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("revoking what Redis does not hold: %v", err)
	}
	done(t)(AddKey(t.Context(), s, mint(t, "new", access.Read), ""))
	if state := l.hearsState(); opens(state) != "new root" || state.Lost {
		t.Errorf("keys said anew: %+v", state)
	}
}

func TestGravesAreBounded(t *testing.T) {
	var g graves
	for i := range mostGraves + 2 {
		g.add(fmt.Sprint(i))
	}
	g.add("2")
	open, gone := g.keepShut([]access.Key{{ID: "1"}, {ID: "2"}})
	if len(g.ids) != mostGraves || len(g.order) != mostGraves || len(open) != 1 || open[0].ID != "1" || len(gone) != 1 {
		t.Errorf("%d ids in %d places; open %v, gone %v", len(g.ids), len(g.order), open, gone)
	}
}

func testUnreadable(t *testing.T, s *stream.Stream) {
	l, before := everything(t, s)
	key := "key:" + before.Keys[0].ID
	text := s.Redis().HGet(t.Context(), stream.ControlKey, key).Val()
	s.Redis().HSet(t.Context(), stream.ControlKey, key, "1 a {", "version", "4 x y")
	h := l.hears()
	if h.err == nil || len(h.Keys) != 1 || h.Pause == nil {
		t.Errorf("heard %+v", h)
	}
	if _, err := Get(t.Context(), s); err == nil {
		t.Error("half a state is given")
	}
	s.Redis().HSet(t.Context(), stream.ControlKey, key, text, "version", "5 x y")
	if state := l.hearsState(); state.Version != 5 || len(state.Keys) != 1 {
		t.Errorf("heard %+v", state)
	}
}

func testWatchEnds(t *testing.T, s *stream.Stream) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	watch := func(then func()) (n int) {
		for _, err := range Watch(ctx, s, time.Hour) {
			if err != nil {
				t.Error(err)
			}
			n++
			then()
		}
		return n
	}
	for _, err := range Watch(ctx, s, time.Hour) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if n := watch(cancel); n != 1 {
		t.Errorf("heard %d times", n)
	}
	if n := watch(cancel); n != 0 {
		t.Errorf("after its end, heard %d times", n)
	}
}

// Between two looks Redis lost all and somebody made a key: the version is what it was, and yet it is another.
func TestSameNumberOfAnotherLife(t *testing.T) {
	s := open(t, streamtest.Redis(t).URL)
	first := mint(t, "first", access.All)
	done(t)(AddKey(t.Context(), s, first, ""))
	l := listen(t, s)
	l.hearsState()
	second := mint(t, "second", access.All)
	s.Redis().FlushAll(t.Context())
	done(t)(AddKey(t.Context(), s, second, "")) // the listener does not look meanwhile
	if state := l.hearsState(); state.Version != 1 || state.Lost || len(state.Keys) != 1 || state.Keys[0].ID != second.ID {
		t.Errorf("heard %+v", state)
	}
}

// While Redis is away the last state holds, and each outage is told once.
func TestRedisAway(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	s := open(t, srv.URL)
	l, _ := everything(t, s)
	srv.Kill()
	if h := l.hears(); h.err == nil || h.Pause == nil || len(h.Keys) != 1 || h.Lost {
		t.Errorf("Redis is away: %+v", h)
	}
	srv.Start()
	if h := l.hears(); h.err != nil || h.Pause == nil || h.Lost {
		t.Errorf("Redis is back: %+v", h)
	}
	srv.Kill()
	if h := l.hears(); h.err == nil {
		t.Errorf("Redis is away again: %+v", h)
	}
}

// A Redis in memory only comes back empty.
func TestRedisBackEmpty(t *testing.T) {
	srv := streamtest.Redis(t)
	l, before := everything(t, open(t, srv.URL))
	srv.Kill()
	l.hears()
	srv.Start()
	if h := l.hears(); h.err != nil || !h.Lost || h.Pause == nil || len(h.Keys) != 1 || h.Keys[0] != before.Keys[0] {
		t.Errorf("Redis is back: %+v", h)
	}
}

// Before anything is known an error is not the news that nobody said anything.
func TestAwayFromTheStart(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	s := open(t, srv.URL)
	done(t)(Pause(t.Context(), s, "anna", ""))
	srv.Kill()
	l := listen(t, s)
	if h := l.hears(); h.err == nil || h.Version != 0 {
		t.Errorf("at first %+v", h)
	}
	srv.Start()
	if state := l.hearsState(); state.Version != 1 || state.Pause == nil {
		t.Errorf("then %+v", state)
	}
}

// A look that hangs is an error soon, also where Redis may take its time.
func TestHangingLook(t *testing.T) {
	srv := streamtest.Redis(t)
	s := open(t, srv.URL)
	srv.Pause()
	defer srv.Resume()
	began := time.Now()
	if h := listen(t, s).hears(); h.err == nil || time.Since(began) > 2*patience {
		t.Errorf("after %v heard %+v", time.Since(began), h)
	}
}

// Between two looks Redis lost all and somebody made a key: that one opens, and the pause is remembered.
func TestLowerNumberOfAnotherLife(t *testing.T) {
	s := open(t, streamtest.Redis(t).URL)
	l, _ := everything(t, s)
	k := mint(t, "new", access.All)
	s.Redis().FlushAll(t.Context())
	done(t)(AddKey(t.Context(), s, k, ""))
	if state := l.hearsState(); !state.Lost || state.Pause == nil || len(state.Keys) != 1 || state.Keys[0].ID != k.ID {
		t.Errorf("heard %+v", state)
	}
}

// Between two looks Redis fell back by a change, and somebody made another.
func TestSameNumberOfAnotherChange(t *testing.T) {
	s := open(t, streamtest.Redis(t).URL)
	l, _ := everything(t, s)
	raw := s.Redis().HGetAll(t.Context(), stream.ControlKey).Val()
	done(t)(Resume(t.Context(), s, "anna", ""))
	l.hearsState()
	s.Redis().Del(t.Context(), stream.ControlKey)
	s.Redis().HSet(t.Context(), stream.ControlKey, raw)
	done(t)(SetLimits(t.Context(), s, map[Limit]float64{Connections: 9}, nil, "bert", ""))
	if state := l.hearsState(); state.Version != 4 || state.Limits[Connections] != 9 || state.Pause == nil {
		t.Errorf("heard %+v", state)
	}
}

// A state that is kept is news once.
func TestFallingBackIsNewsOnce(t *testing.T) {
	last := reading{State: State{Version: 5}, text: "5 life a", life: "life"}
	kept := after(last, reading{State: State{Version: 4}, text: "4 life b", life: "life"})
	if kept.text != "4 life b" || kept.Version != 4 || !kept.Lost {
		t.Errorf("kept %+v", kept)
	}
}
