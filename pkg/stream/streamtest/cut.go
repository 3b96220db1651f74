package streamtest

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Rule is what goes wrong between a client and its server. The zero Rule: nothing.
//
// AfterSent, AfterReceived and Swallow count from the moment the rule is set, over all connections, and each happens
// once. Delay and Refuse last until the next rule.
type Rule struct {
	// AfterSent cuts the connection when so many bytes have gone to the server, perhaps in the middle of a request, which
	// then never runs.
	AfterSent int
	// AfterReceived cuts the connection when so many bytes have come back, perhaps in the middle of a reply.
	AfterReceived int
	// Swallow cuts the connection in place of the reply to the n-th request: it has run, and nobody knows.
	Swallow int
	// Command is the name of the requests that Swallow counts, in capitals: EVALSHA. Empty: all, and a new connection
	// begins with requests of the client's own.
	Command string
	// Delay is how long each reply is held.
	Delay time.Duration
	// Refuse closes new connections before a byte.
	Refuse bool
	// Edits makes for each connection that is opened under the rule what changes its requests and replies.
	Edits func() Edit
}

// Edit returns what is sent to the server in place of a request, and what makes another reply of its reply; nil: the
// reply goes as it is. A link calls both in the order of its requests.
type Edit func(command string, request []byte) (send []byte, reply func([]byte) []byte)

// Cut is a bad network: it sits between clients and a Redis and follows a rule. It knows requests and replies of
// RESP2, one reply a request: no subscriptions.
type Cut struct {
	// URL is the server's, through the Cut.
	URL string

	listener        net.Listener
	network, server string
	wg              sync.WaitGroup

	mu    sync.Mutex
	rule  Rule
	fired chan struct{}
	links map[*link]struct{} // nil: closed
}

// NewCut stands in front of s, on a loopback port, until the test ends.
func NewCut(t testing.TB, s *Server) *Cut {
	t.Helper()
	o, err := redis.ParseURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := url.URL{Scheme: "redis", Host: l.Addr().String()}
	if o.Password != "" {
		u.User = url.UserPassword(o.Username, o.Password)
	}
	c := &Cut{
		URL: u.String(), listener: l, network: o.Network, server: o.Addr,
		fired: make(chan struct{}), links: make(map[*link]struct{}),
	}
	c.wg.Go(c.accept)
	t.Cleanup(c.close)
	return c
}

// Set replaces the rule. The channel is closed when the rule has cut a connection; it never is when Set is called again
// before that.
func (c *Cut) Set(r Rule) (fired <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rule, c.fired = r, make(chan struct{})
	return c.fired
}

// Drop cuts every connection there is.
func (c *Cut) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.links {
		l.close()
	}
}

// Client connects through the Cut, as Server.Client does directly.
func (c *Cut) Client(t testing.TB) *redis.Client {
	t.Helper()
	client, err := dial(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (c *Cut) accept() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return // closed
		}
		c.wg.Go(func() { c.connect(client) })
	}
}

// connect joins a client with the server until one of them, or the rule, ends it.
func (c *Cut) connect(client net.Conn) {
	defer client.Close()
	if c.refuses() {
		return
	}
	server, err := net.Dial(c.network, c.server)
	if err != nil {
		return
	}
	l := &link{cut: c, client: client, server: server, edit: c.edits(), done: make(chan struct{})}
	defer l.close()
	if !c.add(l) {
		return
	}
	defer c.remove(l)
	l.run()
}

func (c *Cut) refuses() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rule.Refuse
}

func (c *Cut) edits() Edit {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rule.Edits == nil {
		return func(_ string, request []byte) ([]byte, func([]byte) []byte) { return request, nil }
	}
	return c.rule.Edits()
}

func (c *Cut) add(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.links == nil {
		return false
	}
	c.links[l] = struct{}{}
	return true
}

func (c *Cut) remove(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.links, l)
}

func (c *Cut) close() {
	_ = c.listener.Close()
	c.Drop()
	c.mu.Lock()
	c.links = nil
	c.mu.Unlock()
	c.wg.Wait()
}

// doomed says whether the reply to this request is to be swallowed.
func (c *Cut) doomed(command string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rule.Swallow == 0 || c.rule.Command != "" && c.rule.Command != command {
		return false
	}
	c.rule.Swallow--
	return c.rule.Swallow == 0
}

// pass counts n bytes off what a direction may still carry; it returns how many of them may go, and whether the cut
// comes after them.
func (c *Cut) pass(left func(*Rule) *int, n int) (may int, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := left(&c.rule)
	if *rest == 0 {
		return n, false
	}
	may = min(n, *rest)
	*rest -= may
	return may, *rest == 0
}

func sent(r *Rule) *int     { return &r.AfterSent }
func received(r *Rule) *int { return &r.AfterReceived }

func (c *Cut) delay() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rule.Delay
}

// fire tells the caller that a connection was cut by the rule.
func (c *Cut) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.fired:
	default:
		close(c.fired)
	}
}
