package produce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/streamtest"
)

func testStored(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	a, one := NewAppender(s, "gateway-1", time.Hour), session(t, s, "one")
	got := store(t, a, 0, part(t, nil, "anonymous", 1, 2), part(t, one, "one", 1, 2, 3))
	if got.Accepted != 5 || got.Duplicates != 0 {
		t.Errorf("stored %+v, sent 5", got)
	}
	want := []string{"anonymous/1", "anonymous/2", "one/1", "one/2", "one/3"}
	if have := ids(t, s, 0); !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
	if accepted := book(t, s, 0, "accepted"); accepted != "5" {
		t.Errorf("accepted is %s", accepted)
	}
	if len(ids(t, s, 1)) != 0 {
		t.Error("the other partition got something")
	}
}

// testIDsCount begins where a number in Lua becomes 1e+14 as text.
func testIDsCount(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	const far = 97_656_250_001
	if err := s.Redis().HSet(t.Context(), stream.KeysOf(0).Ledger(), "accepted", strconv.Itoa(far), "bytes", "200000000000001").Err(); err != nil {
		t.Fatal(err)
	}
	store(t, NewAppender(s, "g", time.Hour), 0, part(t, nil, "a", 1, 2, 3))
	entries := s.Redis().XRange(t.Context(), stream.KeysOf(0).Events(), "-", "+").Val()
	id, err := ledger.ParseEntryID(entries[0].ID)
	if err != nil || id.Before != far || id.Events != 3 {
		t.Errorf("the entry's id is %s (%v)", entries[0].ID, err)
	}
	if accepted := book(t, s, 0, "accepted"); accepted != strconv.Itoa(far+3) {
		t.Errorf("accepted is %s", accepted)
	}
	if bytes, err := strconv.ParseUint(book(t, s, 0, "bytes"), 10, 64); err != nil || bytes <= 200_000_000_000_001 {
		t.Errorf("bytes is %s", book(t, s, 0, "bytes"))
	}
}

// A lane that has nothing to append waits for nothing.
func TestAppendNothing(t *testing.T) {
	s := open(t, streamtest.Redis(t))
	if err := NewAppender(s, "g", time.Hour).Append(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func testResend(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	one := session(t, s, "one")
	store(t, NewAppender(s, "g1", time.Hour), 0, part(t, one, "one", 1, 2, 3))
	// Another gateway, another connection.
	got := store(t, NewAppender(s, "g2", time.Hour), 0, part(t, session(t, s, "one"), "one", 1, 2, 3))
	if got.Accepted != 0 || got.Duplicates != 3 {
		t.Errorf("a resend of 3 is %+v", got)
	}
	if have := ids(t, s, 0); len(have) != 3 {
		t.Errorf("stored: %v", have)
	}
	if d := book(t, s, 0, "duplicates"); d != "3" {
		t.Errorf("duplicates is %q", d)
	}
}

func testHalfStored(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	one, two := session(t, s, "one"), session(t, s, "two")
	a := NewAppender(s, "g", time.Hour)
	store(t, a, 0, part(t, one, "one", 10, 11, 12))
	got := store(t, a, 0, part(t, two, "two", 1), part(t, one, "one", 10, 11, 12, 13, 14), part(t, nil, "anonymous", 1))
	if got.Accepted != 4 || got.Duplicates != 3 {
		t.Errorf("stored %+v, want 4 new and 3 known", got)
	}
	want := []string{"one/10", "one/11", "one/12", "two/1", "one/13", "one/14", "anonymous/1"}
	if have := ids(t, s, 0); !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
}

// testTwoParts: an old and a new connection of one session at one gateway, gathered in one batch.
func testTwoParts(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	got := store(t, NewAppender(s, "g", time.Hour), 0,
		part(t, session(t, s, "one"), "one", 1, 2, 3), part(t, session(t, s, "one"), "one", 2, 3, 4))
	if got.Accepted != 4 || got.Duplicates != 2 {
		t.Errorf("stored %+v, want 4 and 2", got)
	}
	if have, want := ids(t, s, 0), []string{"one/1", "one/2", "one/3", "one/4"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
}

func testGaps(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	a, one := NewAppender(s, "g", time.Hour), session(t, s, "one")
	store(t, a, 0, part(t, one, "one", 1, 4, 9))
	store(t, a, 1, part(t, one, "one", 2, 3, 5))
	got := store(t, a, 1, part(t, one, "one", 3, 5, 8))
	if got.Accepted != 1 || got.Duplicates != 2 {
		t.Errorf("stored %+v, want 1 and 2", got)
	}
	if have, want := ids(t, s, 1), []string{"one/2", "one/3", "one/5", "one/8"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
}

// testManySessions: more parts than a script could unpack.
func testManySessions(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	a := NewAppender(s, "g", time.Hour)
	var parts []Part
	for i := range 1000 {
		name := fmt.Sprint("session-", i)
		parts = append(parts, part(t, &Session{stream: s, id: name}, name, 1))
	}
	if got := store(t, a, 0, parts...); got.Accepted != 1000 {
		t.Errorf("stored %+v of 1000", got)
	}
	if got := store(t, a, 0, parts...); got.Duplicates != 1000 || got.Accepted != 0 {
		t.Errorf("the resend of 1000 is %+v", got)
	}
	if n := len(ids(t, s, 0)); n != 1000 {
		t.Errorf("%d are stored", n)
	}
}

// testRacing resends one batch 200 times through different gateways at once.
func testRacing(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	var all sync.WaitGroup
	var mu sync.Mutex
	var sum Stored
	for i := range 200 {
		p := part(t, session(t, s, "one"), "one", 1, 2, 3, 4, 5)
		all.Go(func() {
			b := &Batch{Partition: 0, Parts: []Part{p}}
			if err := NewAppender(s, fmt.Sprint("g", i), time.Hour).Append(t.Context(), []*Batch{b}); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.Accepted += b.Stored.Accepted
			sum.Duplicates += b.Stored.Duplicates
		})
	}
	all.Wait()
	if sum.Accepted != 5 || sum.Duplicates != 995 {
		t.Errorf("accepted %d, duplicates %d of 200 times 5", sum.Accepted, sum.Duplicates)
	}
	if have := ids(t, s, 0); len(have) != 5 {
		t.Errorf("stored %v", have)
	}
}

func testOtherLayout(t *testing.T, srv *streamtest.Server) {
	open(t, srv)
	_, err := stream.Open(t.Context(), stream.Config{URL: srv.URL, Partitions: 3, PoolMax: 2, Timeout: time.Second, Limits: "any"})
	if !errors.Is(err, stream.ErrPartitions) {
		t.Errorf("another number of partitions: %v", err)
	}
	_, err = stream.Open(t.Context(), stream.Config{URL: srv.URL, PoolMax: 2, Timeout: time.Second, Limits: "others"})
	if !errors.Is(err, stream.ErrLimits) {
		t.Errorf("other limits: %v", err)
	}
	s, err := stream.Open(t.Context(), stream.Config{URL: srv.URL, PoolMax: 2, Timeout: time.Second})
	if err != nil || s.Partitions() != 2 {
		t.Fatalf("a process that only reads: %v", err)
	}
	defer s.Close()
	// The layout changes under a gateway that runs: it must not go on.
	s2 := open(t, srv)
	if err := s2.Redis().HSet(t.Context(), stream.KeysOf(0).Layout(), "limits", "others").Err(); err != nil {
		t.Fatal(err)
	}
	b := &Batch{Parts: []Part{part(t, nil, "a", 1)}}
	if err := NewAppender(s2, "g", time.Hour).Append(t.Context(), []*Batch{b}); !errors.Is(err, stream.ErrLimits) || b.Stored.Done {
		t.Errorf("appending under other limits: %v", err)
	}
}

func testFlushed(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	a, one := NewAppender(s, "g", time.Hour), session(t, s, "one")
	store(t, a, 0, part(t, one, "one", 1, 2))
	if err := s.Redis().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if got := store(t, a, 0, part(t, one, "one", 1, 2, 3)); got.Accepted != 3 {
		t.Errorf("after a flush %+v of 3 are stored", got)
	}
	again := session(t, s, "one")
	if again.Incarnation() == one.Incarnation() {
		t.Error("the incarnation did not change")
	}
	if life, err := Incarnation(t.Context(), s); err != nil || life != again.Incarnation() {
		t.Errorf("the stream's incarnation is %q (%v), the session's %q", life, err, again.Incarnation())
	}
}

// testClockBehind: a replica that took over has an older clock; ids must still grow.
func testClockBehind(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	a := NewAppender(s, "g", time.Hour)
	store(t, a, 0, part(t, nil, "a", 1))
	ahead := time.Now().Add(time.Hour).UnixMilli()
	if err := s.Redis().HSet(t.Context(), stream.KeysOf(0).Ledger(), "ms", ahead).Err(); err != nil {
		t.Fatal(err)
	}
	store(t, a, 0, part(t, nil, "a", 2))
	store(t, a, 0, part(t, nil, "a", 3))
	entries := s.Redis().XRange(t.Context(), stream.KeysOf(0).Events(), "-", "+").Val()
	if id, _ := ledger.ParseEntryID(entries[2].ID); id.Milliseconds != uint64(ahead) {
		t.Errorf("the newest entry is %s, the one before was at %d", entries[2].ID, ahead)
	}
	if have := ids(t, s, 0); len(have) != 3 {
		t.Errorf("stored %v", have)
	}
}

func testCounts(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	for range 2 { // writing them again changes nothing
		if err := WriteCounts(t.Context(), s, "g1", 7, 2); err != nil {
			t.Fatal(err)
		}
	}
	have := s.Redis().HGetAll(t.Context(), stream.CountsKey).Val()
	if have["g1:rejected"] != "7" || have["g1:dropped"] != "2" {
		t.Errorf("counts are %v", have)
	}
}

// testAnonymousMark: two gateways, and a gateway whose instance is not unique: nothing may be taken for stored.
func testAnonymousMark(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	store(t, NewAppender(s, "g1", time.Hour), 0, part(t, nil, "a", 1, 2))
	store(t, NewAppender(s, "g2", time.Hour), 0, part(t, nil, "a", 3))
	if got := store(t, NewAppender(s, "g1", time.Hour), 0, part(t, nil, "a", 4, 5, 6)); got.Accepted != 3 {
		t.Errorf("a second start under one name stores %+v of 3", got)
	}
	if have := ids(t, s, 0); len(have) != 6 {
		t.Errorf("stored %v", have)
	}
}

func testGivesUp(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	a := NewAppender(s, "g", time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := &Batch{Parts: []Part{part(t, nil, "a", 1)}}
	if err := a.Append(ctx, []*Batch{b}); err == nil || b.Stored.Done {
		t.Errorf("Append under an ended context: %v, %+v", err, b.Stored)
	}
}
