package produce

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

// openAsking opens the stream with a demand, and little patience.
func openAsking(t *testing.T, url, durability string) *stream.Stream {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{
		URL: url, Partitions: 2, PoolMax: 1, Timeout: time.Second, Limits: "any", Durability: durability,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// pending is an append under way.
type pending struct {
	t       *testing.T
	batches []*Batch
	ended   chan error
	trouble chan error
}

// begin appends in the background. hear, if set, is called at each trouble, by the appender's goroutine.
func begin(t *testing.T, a *Appender, hear func(error), batches ...*Batch) *pending {
	t.Helper()
	p := &pending{t: t, batches: batches, ended: make(chan error, 1), trouble: make(chan error, 1000)}
	a.Trouble = func(err error) {
		if hear != nil {
			hear(err)
		}
		p.trouble <- err
	}
	go func() { p.ended <- a.Append(t.Context(), batches) }()
	return p
}

// fails waits for so many failed tries; nothing may be done meanwhile.
func (p *pending) fails(tries int, as error) {
	p.t.Helper()
	for range tries {
		select {
		case err := <-p.trouble:
			if !errors.Is(err, as) {
				p.t.Errorf("trouble is %v, want %v", err, as)
			}
		case err := <-p.ended:
			p.t.Fatalf("it ended (%v): %+v", err, p.batches[0].Stored)
		}
	}
}

// ends waits for the end and returns what became of the batches.
func (p *pending) ends() (sum Stored) {
	p.t.Helper()
	if err := <-p.ended; err != nil {
		p.t.Fatal(err)
	}
	sum.Done = true
	for _, b := range p.batches {
		sum.Done = sum.Done && b.Stored.Done
		sum.Accepted += b.Stored.Accepted
		sum.Duplicates += b.Stored.Duplicates
	}
	return sum
}

// Nothing is done before the replica has it, whatever is in the batch; then all of it is, once.
func TestReplicated(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{Port: streamtest.AnyPort})
	replica := streamtest.Replica(t, srv)
	s := openAsking(t, srv.URL, "replicated:1")
	one, two := session(t, s, "one"), session(t, s, "two")
	a := NewAppender(s, "g", time.Hour)
	if got := store(t, a, 0, part(t, one, "one", 1, 2)); got.Accepted != 2 {
		t.Errorf("stored %+v of 2", got)
	}
	replica.Pause()
	p := begin(t, a, nil,
		&Batch{Partition: 0, Parts: []Part{part(t, nil, "a", 1), part(t, one, "one", 1, 2, 3), part(t, two, "two", 5)}},
		&Batch{Partition: 1, Parts: []Part{part(t, two, "two", 6, 7)}})
	p.fails(2, stream.ErrUnconfirmed)
	replica.Resume()
	if got := p.ends(); got != (Stored{true, 5, 2}) {
		t.Errorf("%+v, want 5 accepted and 2 duplicates", got)
	}
	if have, want := ids(t, s, 0), []string{"one/1", "one/2", "a/1", "one/3", "two/5"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
	for partition, want := range []int64{2, 1} {
		if n := replica.Client(t).XLen(t.Context(), stream.KeysOf(partition).Events()).Val(); n != want {
			t.Errorf("the replica has %d entries of partition %d, want %d", n, partition, want)
		}
	}
	if have, want := ids(t, s, 1), []string{"two/6", "two/7"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
}

// The replica is gone altogether, and comes back.
func TestReplicaGone(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{Port: streamtest.AnyPort})
	replica := streamtest.Replica(t, srv)
	s := openAsking(t, srv.URL, "replicated:1")
	a := NewAppender(s, "g", time.Hour)
	store(t, a, 0, part(t, nil, "a", 1))
	replica.Kill()
	p := begin(t, a, nil, &Batch{Partition: 0, Parts: []Part{part(t, session(t, s, "one"), "one", 1, 2)}})
	p.fails(2, stream.ErrUnconfirmed)
	if !s.Promised().Below {
		t.Errorf("without its replica %+v is promised", s.Promised())
	}
	replica.Start()
	if got := p.ends(); got != (Stored{true, 2, 0}) {
		t.Errorf("%+v, want 2 accepted", got)
	}
	if have, want := ids(t, s, 0), []string{"a/1", "one/1", "one/2"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
}

// The disk stalls, and the connection breaks meanwhile. The new connection finds all stored and writes nothing; Redis
// would call that fsynced.
func TestWaitsForTheDisk(t *testing.T) {
	var fsynced atomic.Bool
	fsynced.Store(true)
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "everysec"})
	cut := streamtest.NewRedis72(t, srv, fsynced.Load)
	s := openAsking(t, cut.URL, "fsynced")
	one := session(t, s, "one")
	a := NewAppender(s, "g", time.Hour)
	store(t, a, 0, part(t, one, "one", 1, 2))
	fsynced.Store(false)
	p := begin(t, a, func(error) { cut.Drop() },
		&Batch{Partition: 0, Parts: []Part{part(t, one, "one", 1, 2)}},
		&Batch{Partition: 1, Parts: []Part{part(t, nil, "a", 1), part(t, one, "one", 3)}})
	p.fails(2, stream.ErrUnconfirmed)
	fsynced.Store(true)
	if got := p.ends(); got != (Stored{true, 2, 2}) {
		t.Errorf("%+v, want 2 accepted and 2 duplicates", got)
	}
	if have, want := ids(t, s, 0), []string{"one/1", "one/2"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
	if have, want := ids(t, s, 1), []string{"a/1", "one/3"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
}

// Another server takes over between two tries, and has nothing of what the first one recognised.
func TestWhatIsNotConfirmedIsSentAgainWhole(t *testing.T) {
	var fsynced atomic.Bool
	fsynced.Store(true)
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "everysec"})
	s := openAsking(t, streamtest.NewRedis72(t, srv, fsynced.Load).URL, "fsynced")
	one := session(t, s, "one")
	a := NewAppender(s, "g", time.Hour)
	store(t, a, 0, part(t, one, "one", 1, 2))
	fsynced.Store(false)
	admin := srv.Client(t)
	p := begin(t, a, func(err error) {
		if err != nil && !fsynced.Swap(true) {
			if err := admin.FlushAll(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		}
	}, &Batch{Partition: 0, Parts: []Part{part(t, one, "one", 1, 2, 3)}})
	if got := p.ends(); !got.Done || got.Accepted+got.Duplicates != 3 {
		t.Errorf("%+v of 3", got)
	}
	if have, want := ids(t, s, 0), []string{"one/1", "one/2", "one/3"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
}

// A full Redis refuses the fence: then nobody knows what the wait was for.
func TestFullRedisConfirmsNothing(t *testing.T) {
	always := func() bool { return true }
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "everysec", MaxMemory: 8 << 20})
	s := openAsking(t, streamtest.NewRedis72(t, srv, always).URL, "fsynced")
	one := session(t, s, "one")
	a := NewAppender(s, "g", time.Hour)
	store(t, a, 0, part(t, one, "one", 1, 2))
	fill(t, open(t, srv))
	p := begin(t, a, nil, &Batch{Partition: 0, Parts: []Part{part(t, one, "one", 1, 2)}})
	p.fails(2, stream.ErrFull)
	if err := srv.Client(t).Del(t.Context(), "filler").Err(); err != nil {
		t.Fatal(err)
	}
	if got := p.ends(); got != (Stored{true, 0, 2}) {
		t.Errorf("%+v, want 2 duplicates", got)
	}
}

// The server stops fsyncing under us: what was taken is held until it does again.
func TestHeldWhileBelow(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	s := openAsking(t, srv.URL, "fsynced")
	admin := srv.Client(t)
	set := func(fsync string) {
		t.Helper()
		if err := admin.ConfigSet(t.Context(), "appendfsync", fsync).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("everysec")
	if _, err := s.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := begin(t, NewAppender(s, "g", time.Hour), nil, &Batch{Partition: 0, Parts: []Part{part(t, nil, "a", 1)}})
	p.fails(2, stream.ErrUnconfirmed)
	if n := admin.XLen(t.Context(), stream.KeysOf(0).Events()).Val(); n != 0 {
		t.Errorf("%d entries were sent", n)
	}
	set("always")
	if got := p.ends(); got.Accepted != 1 {
		t.Errorf("%+v, want 1 accepted", got)
	}
}

// A user that may not wait can't be waited for, and trying again does not help.
func TestForbiddenToWait(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{Port: streamtest.AnyPort})
	streamtest.Replica(t, srv)
	if err := srv.Client(t).Do(t.Context(), "ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-wait").Err(); err != nil {
		t.Fatal(err)
	}
	s := openAsking(t, strings.Replace(srv.URL, "redis://", "redis://app:pw@", 1), "replicated:1")
	b := &Batch{Parts: []Part{part(t, nil, "a", 1)}}
	if err := NewAppender(s, "g", time.Hour).Append(t.Context(), []*Batch{b}); !errors.Is(err, stream.ErrDenied) || b.Stored.Done {
		t.Errorf("%v, %+v", err, b.Stored)
	}
}

// Who asks for nothing waits for nothing.
func TestAutoDoesNotWait(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{Port: streamtest.AnyPort})
	streamtest.Replica(t, srv).Pause()
	s := openAsking(t, srv.URL, "auto")
	store(t, NewAppender(s, "g", time.Hour), 0, part(t, nil, "a", 1))
	if n := s.Redis().Exists(t.Context(), stream.KeysOf(0).Fence()).Val(); n != 0 {
		t.Error("there is a fence")
	}
}
