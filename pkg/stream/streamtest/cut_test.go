package streamtest

import (
	"bufio"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// eachServer runs a test against both.
func eachServer(t *testing.T, test func(t *testing.T, s *Server)) {
	t.Helper()
	for name, start := range map[string]func(testing.TB) *Server{"redis": Redis, "embedded": Embedded} {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

func TestCutCarriesEverything(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Server) {
		c := NewCut(t, s).Client(t)
		big := strings.Repeat("x\r\n", 100_000)
		pipe := c.Pipeline()
		pipe.Set(t.Context(), "big", big, 0)
		for n := range 100 {
			pipe.RPush(t.Context(), "list", n)
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Get(t.Context(), "big").Result(); got != big {
			t.Errorf("%d bytes came back, want %d (%v)", len(got), len(big), err)
		}
		list, err := c.LRange(t.Context(), "list", 0, -1).Result()
		if len(list) != 100 || list[99] != "99" {
			t.Errorf("list is %q (%v)", list, err)
		}
		if err := c.Get(t.Context(), "missing").Err(); err == nil || err.Error() != "redis: nil" {
			t.Errorf("a missing key: %v", err)
		}
	})
}

func TestSwallowedReplyOfARequestThatRan(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Server) {
		direct, cut := s.Client(t), NewCut(t, s)
		c := cut.Client(t)
		fired := cut.Set(Rule{Swallow: 3, Command: "INCR"})
		for n := 1; n <= 5; n++ {
			err := c.Incr(t.Context(), "n").Err()
			if (err != nil) != (n == 3) {
				t.Errorf("request %d: %v", n, err)
			}
			if got, err := direct.Get(t.Context(), "n").Int(); got != n {
				t.Errorf("after request %d n is %d (%v)", n, got, err)
			}
		}
		<-fired
	})
}

func TestSwallowedReplyInsideAPipeline(t *testing.T) {
	s := Redis(t)
	cut := NewCut(t, s)
	c, err := net.Dial("tcp", strings.TrimPrefix(cut.URL, "redis://")) // go-redis takes the first replies for lost too
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cut.Set(Rule{Swallow: 2, Command: "INCR"})
	const incr = "*2\r\n$4\r\nincr\r\n$1\r\n"
	if _, err := c.Write([]byte(incr + "a\r\n" + incr + "b\r\n" + incr + "c\r\n")); err != nil {
		t.Fatal(err)
	}
	if replies, err := io.ReadAll(c); string(replies) != ":1\r\n" {
		t.Errorf("replies: %q, want the first alone (%v)", replies, err)
	}
	if values := s.Client(t).MGet(t.Context(), "a", "b").Val(); values[0] != "1" || values[1] != "1" {
		t.Errorf("a and b are %v, want that both ran", values)
	}
}

func TestCutInsideARequest(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Server) {
		cut := NewCut(t, s)
		c := cut.Client(t)
		if err := c.Ping(t.Context()).Err(); err != nil { // the connection is made
			t.Fatal(err)
		}
		fired := cut.Set(Rule{AfterSent: 20})
		if err := c.Incr(t.Context(), "n").Err(); err == nil {
			t.Error("a request that was cut off has a reply")
		}
		<-fired
		if n := s.Client(t).Exists(t.Context(), "n").Val(); n != 0 {
			t.Error("a request that was cut off has run")
		}
		if n, err := c.Incr(t.Context(), "n").Result(); n != 1 {
			t.Errorf("the next one: %d (%v)", n, err)
		}
	})
}

func TestCutInsideAReply(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Server) {
		direct, cut := s.Client(t), NewCut(t, s)
		c := cut.Client(t)
		written(t, c.Set(t.Context(), "k", "value", 0))
		fired := cut.Set(Rule{AfterReceived: 2})
		if err := c.Set(t.Context(), "k", "other", 0).Err(); err == nil {
			t.Error("a reply that was cut off arrived")
		}
		<-fired
		if v := direct.Get(t.Context(), "k").Val(); v != "other" {
			t.Errorf("k is %q, want that the request ran", v)
		}
		written(t, c.Get(t.Context(), "k"))
	})
}

func TestDelayedReply(t *testing.T) {
	s := Redis(t)
	direct, cut := s.Client(t), NewCut(t, s)
	c := cut.Client(t)
	written(t, c.Ping(t.Context()))
	cut.Set(Rule{Delay: 100 * time.Millisecond})
	began := time.Now()
	written(t, c.Ping(t.Context()))
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("the reply came after %v", took)
	}
	cut.Set(Rule{Delay: time.Hour}) // the test's end does not wait for it
	late := make(chan error, 1)
	go func() { late <- c.Incr(t.Context(), "n").Err() }()
	for direct.Exists(t.Context(), "n").Val() == 0 && t.Context().Err() == nil { // until it ran
		runtime.Gosched()
	}
	cut.Drop()
	if err := <-late; err == nil {
		t.Error("a reply that is held for an hour has come")
	}
}

func TestRefusedConnections(t *testing.T) {
	cut := NewCut(t, Redis(t))
	old, fresh := cut.Client(t), cut.Client(t)
	written(t, old.Ping(t.Context()))
	cut.Set(Rule{Refuse: true})
	if err := fresh.Ping(t.Context()).Err(); err == nil {
		t.Error("a new connection was made")
	}
	written(t, old.Ping(t.Context()))
	cut.Drop()
	if err := old.Ping(t.Context()).Err(); err == nil {
		t.Error("a dropped connection was made again")
	}
	cut.Set(Rule{})
	written(t, fresh.Ping(t.Context()))
}

func TestCutInFrontOfADeadServer(t *testing.T) {
	s := RedisWith(t, Options{AppendFsync: "always"})
	c := NewCut(t, s).Client(t)
	written(t, c.Incr(t.Context(), "n"))
	s.Kill()
	if err := c.Incr(t.Context(), "n").Err(); err == nil {
		t.Error("a dead server answered")
	}
	s.Start()
	if n, err := c.Incr(t.Context(), "n").Result(); n != 2 {
		t.Errorf("after its return n is %d, want 2 (%v)", n, err)
	}
}

func TestReadValue(t *testing.T) {
	for _, value := range []string{
		"+OK\r\n", "-ERR no\r\n", ":-12\r\n", "$-1\r\n", "$0\r\n\r\n", "$4\r\n\r\n\r\n\r\n", "*-1\r\n", "*0\r\n",
		"*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
	} {
		r := bufio.NewReader(strings.NewReader(value + "+next\r\n"))
		if got, err := readValue(r, nil); string(got) != value || err != nil {
			t.Errorf("%q is read as %q (%v)", value, got, err)
		}
	}
	for n, broken := range []string{"", "+OK", "$5\r\nab\r\n", "$x\r\n", "*2\r\n:1\r\n", "*1\r\n$x\r\n", "%1\r\n+a\r\n", "\n"} {
		if got, err := readValue(bufio.NewReader(strings.NewReader(broken)), nil); err == nil {
			t.Errorf("%s: %q is read as %q", strconv.Itoa(n), broken, got)
		}
	}
}
