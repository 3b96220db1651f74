package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/access/accesstest"
	pb "millrace.dev/proto/gen/millrace/v1"
	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// asking is a request; headers are in pairs.
type asking struct {
	method, url, body, key string
	headers                []string
}

func (a asking) ask(t *testing.T) (code int, answer []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), a.method, a.url, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if a.key != "" {
		r.Header.Set("Authorization", "Bearer "+a.key)
	}
	for i := 0; i < len(a.headers); i += 2 {
		if r.Header.Set(a.headers[i], a.headers[i+1]); a.headers[i] == "Host" {
			r.Host = a.headers[i+1]
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: proc.Patience}
	w, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	answer, err = io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, answer
}

// expect sends a request and wants that status.
func (a asking) expect(t *testing.T, want int) []byte {
	t.Helper()
	code, answer := a.ask(t)
	if code != want {
		t.Errorf("%s %s %v: %d %s", a.method, a.url, a.headers, code, answer)
	}
	return answer
}

// makeKey makes a key at a gateway, by another one that may.
func makeKey(t *testing.T, gateway *stack.Service, by, name string, scopes ...string) (id, token string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "scopes": scopes})
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ ID, Token string }
	answer := asking{method: "POST", url: gateway.URL("/api/keys"), body: string(body), key: by}.expect(t, http.StatusCreated)
	if err := json.Unmarshal(answer, &made); err != nil {
		t.Fatal(err)
	}
	return made.ID, made.Token
}

// Until there is a key this machine may do all, and nobody else anything. From the first key on everybody needs one, at
// every gateway and in stats within a second, and also when Redis or a gateway has died since.
func TestWhoMayDoWhat(t *testing.T) {
	const between = "--internal-key=between-services"
	s := stack.New(t, stack.Durable())
	stats := s.Stats(between)
	one, two, worker := s.Gateway(between, "--log-level=debug"), s.Gateway(between, "--log-level=debug"), s.Worker(between)
	for _, service := range []*stack.Service{one, two, worker} {
		service.AwaitReady()
	}
	event := asking{method: "POST", url: one.URL("/api/events"), body: `{"type":"t"}`}
	debug := asking{method: "GET", url: one.URL("/debug/buffer")}
	event.expect(t, http.StatusAccepted)
	debug.expect(t, http.StatusOK)
	asking{method: "GET", url: one.URL("/"), headers: []string{"Host", "evil.example"}}.expect(t, http.StatusMisdirectedRequest)
	asking{method: "GET", url: debug.url, headers: []string{"X-Forwarded-For", "127.0.0.1"}}.expect(t, http.StatusForbidden)
	asking{method: "POST", url: event.url, body: event.body, headers: []string{"Origin", "https://evil.example"}}.expect(t, http.StatusForbidden)

	_, root := makeKey(t, one, "", "root", "admin", "read")
	shopID, shop := makeKey(t, one, root, "shop", "publish")
	stack.AwaitWithin(t, time.Second, "the other gateway asks for keys", func() (int, bool) {
		code, _ := asking{method: "GET", url: two.URL("/api/stats")}.ask(t)
		return code, code == http.StatusUnauthorized
	})
	event.expect(t, http.StatusUnauthorized)
	debug.expect(t, http.StatusUnauthorized)
	asking{method: "GET", url: debug.url, key: shop}.expect(t, http.StatusForbidden)
	asking{method: "GET", url: debug.url, key: root + "x"}.expect(t, http.StatusUnauthorized)
	asking{method: "GET", url: debug.url, key: "between-services"}.expect(t, http.StatusUnauthorized)
	asking{method: "GET", url: debug.url, key: root, headers: []string{"Host", "mill.example"}}.expect(t, http.StatusOK)
	asking{method: "POST", url: event.url + "?access_token=" + shop, body: event.body}.expect(t, http.StatusAccepted)
	mayCallStats(t, s, root, shop)
	mayDebugWorker(t, worker)
	awaitEverybodyReports(t, one, root)

	revokeIsHeard(t, one, two, root, shopID, shop)

	one.Kill() // and back: keys are in Redis
	one.Again()
	one.AwaitReady()
	asking{method: "GET", url: one.URL("/api/stats")}.expect(t, http.StatusUnauthorized)
	asking{method: "GET", url: one.URL("/api/stats"), key: root}.expect(t, http.StatusOK)

	s.Redis.Kill() // who knows the keys goes on with them, who doesn't lets nobody do anything
	asking{method: "GET", url: one.URL("/api/stats")}.expect(t, http.StatusUnauthorized)
	asking{method: "GET", url: one.URL("/api/stats"), key: root}.expect(t, http.StatusOK)
	late := s.Gateway(between)
	asking{method: "GET", url: late.URL("/api/stats")}.expect(t, http.StatusOK)
	asking{method: "GET", url: late.URL("/debug/memory")}.expect(t, http.StatusServiceUnavailable)
	asking{method: "GET", url: late.URL("/debug/memory"), key: root}.expect(t, http.StatusServiceUnavailable)
	s.Redis.Start()
	late.AwaitReady()
	asking{method: "GET", url: late.URL("/api/stats")}.expect(t, http.StatusUnauthorized)
	asking{method: "GET", url: late.URL("/debug/memory"), key: root}.expect(t, http.StatusOK)

	for _, service := range []*stack.Service{one, two, late, worker, stats} {
		for _, token := range []string{root, shop, "between-services"} {
			if strings.Contains(service.Log(), token) {
				t.Error("a key is in a log")
			}
		}
	}
}

// mayCallStats asks stats' gRPC as somebody who has keys, and as somebody who has none.
func mayCallStats(t *testing.T, s *stack.Stack, root, shop string) {
	t.Helper()
	conn, err := grpc.NewClient(s.StatsAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	get := func(key string) codes.Code {
		ctx := t.Context()
		if key != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
		}
		_, err := pb.NewStatsServiceClient(conn).GetStats(ctx, &pb.GetStatsRequest{})
		return status.Code(err)
	}
	stack.AwaitWithin(t, time.Second, "stats asks for a key", func() (codes.Code, bool) {
		code := get("")
		return code, code == codes.Unauthenticated
	})
	for key, want := range map[string]codes.Code{root: codes.OK, shop: codes.PermissionDenied, "guess": codes.Unauthenticated, "between-services": codes.OK} {
		if got := get(key); got != want {
			t.Errorf("stats answers %v, want %v", got, want)
		}
	}
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
}

// mayDebugWorker asks a service that has no users.
func mayDebugWorker(t *testing.T, worker *stack.Service) {
	t.Helper()
	url := worker.URL("/debug/memory")
	asking{method: "GET", url: url}.expect(t, http.StatusOK)
	asking{method: "GET", url: url, key: "guess"}.expect(t, http.StatusUnauthorized)
	asking{method: "GET", url: url, headers: []string{"Forwarded", "for=127.0.0.1"}}.expect(t, http.StatusUnauthorized)
	asking{method: "GET", url: url, key: "between-services", headers: []string{"Forwarded", "for=10.0.0.9"}}.expect(t, http.StatusOK)
	asking{method: "GET", url: worker.URL("/health"), key: "guess", headers: []string{"Host", "evil.example"}}.expect(t, http.StatusOK)
}

// awaitEverybodyReports waits until the figures are there: services show each other another key than clients.
func awaitEverybodyReports(t *testing.T, gateway *stack.Service, key string) {
	t.Helper()
	stack.Await(t, "everybody reports", func() (string, bool) {
		var f figures
		code, answer := asking{method: "GET", url: gateway.URL("/api/stats"), key: key}.ask(t)
		if err := json.Unmarshal(answer, &f); err != nil || code != http.StatusOK {
			t.Fatalf("%d %s %v", code, answer, err)
		}
		return f.services(), f.services() == "[gateway gateway stats worker]"
	})
}

// revokeIsHeard revokes a key at one gateway; what it opened at another ends within a second.
func revokeIsHeard(t *testing.T, at, other *stack.Service, root, id, token string) {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), other.WebSocket(), &websocket.DialOptions{
		Subprotocols: []string{"millrace.v1.json", access.KeyProtocol + token},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if ws.Subprotocol() != "millrace.v1.json" {
		t.Errorf("selected is %q", ws.Subprotocol())
	}
	if _, hello, err := ws.Read(t.Context()); err != nil || !bytes.Contains(hello, []byte("hello")) {
		t.Fatal(string(hello), err)
	}
	asking{method: "DELETE", url: at.URL("/api/keys/" + id), key: root}.expect(t, http.StatusNoContent)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := ws.Read(ctx); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("within a second: %v", err)
	}
	asking{method: "POST", url: other.URL("/api/events"), body: `{"type":"t"}`, key: token}.expect(t, http.StatusUnauthorized)
}

// Services call stats over TLS, if its authority is named, and not if it is another's.
func TestStatsOverTLS(t *testing.T) {
	cert, key := accesstest.Certificate(t)
	other, _ := accesstest.Certificate(t)
	s := stack.New(t, stack.Durable())
	s.Stats("--tls-cert="+cert, "--tls-key="+key)
	gateway, stranger := s.Gateway("--stats-ca="+cert), s.Gateway("--stats-ca="+other)
	s.Worker("--stats-ca=" + cert)
	gateway.AwaitReady()
	awaitFigures(t, gateway, "everybody reports", func(f figures) bool { return f.services() == "[gateway stats worker]" })
	stranger.Says("stats can't be reached", "x509")
}

// With a certificate everything in `up` speaks TLS, to the world and to itself, under whatever name it has.
func TestUpWithTLS(t *testing.T) {
	cert, key := accesstest.Certificate(t)
	trust, err := access.DialTLS(cert)
	if err != nil {
		t.Fatal(err)
	}
	u := up{proc.Start(t, "millrace", nil, "up", "--http-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0",
		"--data-dir="+t.TempDir(), "--tls-cert="+cert, "--tls-key="+key)}
	base := "https://" + u.Addr("gateway/http")
	client := http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}, Timeout: proc.Patience}
	stack.Await(t, "everybody reports over TLS", func() (string, bool) {
		w, err := client.Get(base + "/api/stats")
		if err != nil {
			return err.Error(), false
		}
		defer w.Body.Close()
		var f figures
		err = json.NewDecoder(w.Body).Decode(&f)
		return f.services(), err == nil && f.services() == "[gateway stats worker]"
	})
	w, err := client.Post(base+"/api/events", "application/json", strings.NewReader(`{"type":"t"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusAccepted || !strings.Contains(u.Output(), base) {
		t.Errorf("%d; the banner is\n%s", w.StatusCode, u.Output())
	}
	u.stop(t)
}
