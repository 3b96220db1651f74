package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/redis/go-redis/v9"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
	"millrace.dev/pkg/telemetry"
)

// onEach runs a test against a real Redis and against the embedded one.
func onEach(t *testing.T, f func(t *testing.T, srv *streamtest.Server)) {
	t.Run("redis", func(t *testing.T) { f(t, streamtest.Redis(t)) })
	t.Run("embedded", func(t *testing.T) { f(t, streamtest.Embedded(t)) })
}

// running is a whole gateway, as its command runs it, on a port of loopback.
type running struct {
	*testing.T
	srv *streamtest.Server
	// process is the gateway's own; logged is what it says.
	process *process
	logged  *record
	redis   *redis.Client
	addr    string
	client  *http.Client
	stop    context.CancelFunc
	ended   chan error
}

// startGateway runs one over srv and returns when it takes events. It is stopped with the test.
func startGateway(t *testing.T, srv *streamtest.Server, change func(*Config)) *running {
	t.Helper()
	return startGatewayBy(t, srv, &http.Client{Transport: &http.Transport{}}, change)
}

// startGatewayBy starts one that is asked by that client, which says whether over TLS.
func startGatewayBy(t *testing.T, srv *streamtest.Server, client *http.Client, change func(*Config)) *running {
	t.Helper()
	c := bubbleConfig()
	c.Access = access.Config{}
	c.HTTPAddr, c.StatsAddr = "127.0.0.1:0", "127.0.0.1:1"
	c.Redis = stream.Config{URL: srv.URL, PoolMin: 1, PoolMax: 10, Timeout: 5 * time.Second, Partitions: 4}
	c.Telemetry = telemetry.Config{LogLevel: "error"}
	listening := make(chan string, 1)
	c.Listening = func(addr string) { listening <- addr }
	if change != nil {
		change(&c)
	}
	ctx, stop := context.WithCancel(context.Background())
	g := &running{T: t, srv: srv, redis: srv.Client(t), stop: stop, ended: make(chan error, 1), logged: new(record)}
	var err error
	if g.process, err = newProcess(c, g.logged); err != nil {
		t.Fatal(err)
	}
	g.client = &http.Client{Transport: client.Transport, Timeout: 30 * time.Second}
	go func() { g.ended <- g.process.run(ctx) }()
	t.Cleanup(g.end)
	g.addr = <-listening
	g.awaitReady()
	return g
}

// record is what a gateway logs.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// end stops the gateway, if it runs.
func (g *running) end() {
	g.stop()
	g.client.CloseIdleConnections()
	if err := <-g.ended; err != nil {
		g.Errorf("the gateway ended with %v", err)
	}
	g.ended <- nil
}

// awaitReady returns when the gateway answers that it is ready.
func (g *running) awaitReady() {
	g.Helper()
	eventually(g, "the gateway is ready", func() bool {
		scheme := "http://"
		if g.process.config.Access.TLSCert != "" {
			scheme = "https://"
		}
		response, err := g.client.Get(scheme + g.addr + "/health/ready")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// eventually asks again and again, for 20 seconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(20 * time.Second); !ok(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// open connects to the gateway; WebSockets outlive the limit of a request.
func (g *running) open(query string) *peer {
	g.Helper()
	return dialWith(g, &http.Client{}, "ws://"+g.addr+"/ws"+query, websocket.DialOptions{})
}

func (g *running) post(contentType, body string) answer {
	g.Helper()
	a, err := postTo(g.client, "http://"+g.addr+"/api/events", contentType, body)
	if err != nil {
		g.Fatal(err)
	}
	return a
}

// stored are the events in the stream: what its entries hold, not what the ledger says.
func (g *running) stored() []event.Event {
	g.Helper()
	var all []event.Event
	for p := range 4 {
		all = append(all, g.storedIn(p)...)
	}
	return all
}

func (g *running) storedIn(partition int) []event.Event {
	g.Helper()
	entries, err := g.redis.XRange(g.Context(), stream.KeysOf(partition).Events(), "-", "+").Result()
	if err != nil {
		g.Fatal(err)
	}
	var events []event.Event
	for _, entry := range entries {
		before := len(events)
		if events, err = event.DecodeBatch(events, entry.Values["b"].(string)); err != nil {
			g.Fatal(err)
		}
		if got := fmt.Sprint(len(events) - before); got != entry.Values["n"] {
			g.Errorf("entry %s says %v events and holds %s", entry.ID, entry.Values["n"], got)
		}
	}
	return events
}

// expectOnce checks that the stream holds exactly these ids, each once.
func (g *running) expectOnce(ids ...string) {
	g.Helper()
	count := map[string]int{}
	for _, e := range g.stored() {
		count[e.ID]++
	}
	for _, id := range ids {
		if count[id] != 1 {
			g.Errorf("event %s is stored %d times", id, count[id])
		}
		delete(count, id)
	}
	for id, n := range count {
		g.Errorf("event %s is stored %d times, and nobody sent it", id, n)
	}
}

// ledger is the sum of a field over all partitions.
func (g *running) ledger(field string) (sum int) {
	g.Helper()
	for p := range 4 {
		n, err := g.redis.HGet(g.Context(), stream.KeysOf(p).Ledger(), field).Int()
		if err != nil && !errors.Is(err, redis.Nil) {
			g.Fatal(err)
		}
		sum += n
	}
	return sum
}

// with is an event with an id and, unless it is empty, a key.
func with(id, key string) string {
	if key == "" {
		return fmt.Sprintf(`{"type":"t","id":%q,"data":{"of":%q}}`, id, id)
	}
	return fmt.Sprintf(`{"type":"t","id":%q,"partitionkey":%q,"data":{"of":%q}}`, id, key, id)
}
