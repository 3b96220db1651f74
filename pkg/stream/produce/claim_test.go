package produce

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

func bodyOf(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// claim claims a key as a gateway does.
func claim(t *testing.T, s *stream.Stream, key, body string, life time.Duration) Claim {
	t.Helper()
	c, err := ClaimKey(t.Context(), s, "alice", key, bodyOf(body), life, true)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testClaim(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	asked, err := ClaimKey(t.Context(), s, "alice", "k", bodyOf("b"), time.Hour, false)
	if err != nil || asked.Known {
		t.Errorf("a free key that is only asked for: %+v (%v)", asked, err)
	}
	if claims(t, s) != 0 {
		t.Error("asking made a claim")
	}
	if first := claim(t, s, "k", "b", time.Hour); first.Known {
		t.Error("the first is known")
	}
	for _, making := range []bool{true, false} {
		again, err := ClaimKey(t.Context(), s, "alice", "k", bodyOf("b"), time.Hour, making)
		if err != nil || !again.Known {
			t.Errorf("the same request again, make %v: %+v (%v)", making, again, err)
		}
		if _, err := ClaimKey(t.Context(), s, "alice", "k", bodyOf("other"), time.Hour, making); !errors.Is(err, ErrOtherBody) {
			t.Errorf("another body, make %v: %v", making, err)
		}
	}
	bob, err := ClaimKey(t.Context(), s, "bob", "k", bodyOf("other"), time.Hour, true)
	if err != nil || bob.Known {
		t.Errorf("another credential: %+v (%v)", bob, err)
	}
	if n := claims(t, s); n != 2 {
		t.Errorf("there are %d claims of 2 credentials", n)
	}
}

// claims counts them.
func claims(t *testing.T, s *stream.Stream) int {
	t.Helper()
	keys, err := s.Redis().Keys(t.Context(), "millrace:1:{p*}:claim:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if left := s.Redis().PTTL(t.Context(), key).Val(); left <= 0 {
			t.Errorf("%s lives for ever", key)
		}
	}
	return len(keys)
}

// testClaimsRace repeats one request 50 times at once, through gateways of their own.
func testClaimsRace(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	var all sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	var sum Stored
	answers := map[string]int{}
	for i := range 50 {
		all.Go(func() {
			c, err := ClaimKey(t.Context(), s, "alice", "k", bodyOf("b"), time.Hour, true)
			if err != nil {
				t.Error(err)
				return
			}
			p := part(t, c.Session, "k", 1, 2, 3)
			b := &Batch{Partition: c.Partition, Parts: []Part{p}}
			if err := NewAppender(s, fmt.Sprint("g", i), 2*time.Hour).Append(t.Context(), []*Batch{b}); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if !c.Known {
				fresh++
			}
			sum.Accepted += b.Stored.Accepted
			sum.Duplicates += b.Stored.Duplicates
			answers[c.ID(1)+c.ID(2)+c.ID(3)]++
		})
	}
	all.Wait()
	if fresh != 1 || sum.Accepted != 3 || sum.Duplicates != 49*3 || len(answers) != 1 {
		t.Errorf("%d of 50 made the claim, stored %+v, %d different answers", fresh, sum, len(answers))
	}
	home := s.Partition([]byte("k"))
	if have, want := ids(t, s, home), []string{"k/1", "k/2", "k/3"}; !slices.Equal(have, want) {
		t.Errorf("stored %v, want %v", have, want)
	}
}

// testClaimEnds: the claim is over, the marks of what was stored under it are not.
func testClaimEnds(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	a := NewAppender(s, "g", time.Hour)
	first := claim(t, s, "k", "b", time.Hour)
	store(t, a, first.Partition, part(t, first.Session, "first", 1, 2, 3))
	for _, key := range s.Redis().Keys(t.Context(), "millrace:1:{p*}:claim:*").Val() {
		if err := s.Redis().Del(t.Context(), key).Err(); err != nil { // as its expiry does
			t.Fatal(err)
		}
	}
	other := claim(t, s, "k", "other", time.Hour)
	if other.Known {
		t.Error("the key is known after its claim has ended")
	}
	if got := store(t, a, other.Partition, part(t, other.Session, "other", 1, 2)); got.Accepted != 2 {
		t.Errorf("another body after the end of a claim: %+v of 2 stored", got)
	}
	if have := ids(t, s, first.Partition); len(have) != 5 {
		t.Errorf("stored %v", have)
	}
}

// testClaimIDs: what is answered depends on the request alone.
func testClaimIDs(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv)
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]string{}
	for _, key := range []string{"k", "k2"} {
		for _, body := range []string{"b", "other"} {
			for _, credential := range []string{"alice", "bob"} {
				c := newClaim(s, credential, key, bodyOf(body), time.Hour)
				for number := range uint64(3) {
					from := fmt.Sprint(credential, key, body, number)
					id := c.ID(number)
					if before, ok := seen[id]; ok || !form.MatchString(id) {
						t.Errorf("%s has the id %s (of %q too)", from, id, before)
					}
					seen[id] = from
					if again := newClaim(s, credential, key, bodyOf(body), time.Hour).ID(number); again != id {
						t.Errorf("%s has the ids %s and %s", from, id, again)
					}
				}
			}
		}
	}
	// What runs together must not be the same.
	if a, b := newClaim(s, "ab", "c", bodyOf(""), 0), newClaim(s, "a", "bc", bodyOf(""), 0); a.Session.id == b.Session.id {
		t.Error("credential and key run into one another")
	}
}

// Redis ends claims by itself, and a repetition does not keep them: their marks would not be kept either.
func TestClaimExpires(t *testing.T) {
	s := open(t, streamtest.Redis(t))
	c := claim(t, s, "k", "b", time.Hour)
	key := s.Redis().Keys(t.Context(), "millrace:1:{p*}:claim:*").Val()[0]
	if err := s.Redis().PExpire(t.Context(), key, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if again := claim(t, s, "k", "b", time.Hour); !again.Known || again.ID(1) != c.ID(1) {
		t.Errorf("the repetition is %+v", again)
	}
	if left := s.Redis().PTTL(t.Context(), key).Val(); left > time.Minute {
		t.Errorf("a repetition keeps the claim for %v", left)
	}
}

// A full Redis takes no new claim and still knows the old ones.
func TestClaimsOfAFullRedis(t *testing.T) {
	s := open(t, streamtest.RedisWith(t, streamtest.Options{MaxMemory: 8 << 20}))
	claim(t, s, "old", "b", time.Hour)
	fill(t, s)
	if _, err := ClaimKey(t.Context(), s, "alice", "new", bodyOf("b"), time.Hour, true); !errors.Is(err, stream.ErrFull) {
		t.Errorf("a new claim: %v", err)
	}
	if old := claim(t, s, "old", "b", time.Hour); !old.Known {
		t.Error("an old claim is not known")
	}
	if n := claims(t, s); n != 1 {
		t.Errorf("%d claims", n)
	}
}
