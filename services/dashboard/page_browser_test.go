package dashboard

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"google.golang.org/protobuf/types/known/timestamppb"

	"millrace.dev/pkg/access"
	pb "millrace.dev/proto/gen/millrace/v1"
)

// gatewayWith is a server with the dashboard and a /ws that acknowledges, or refuses, one event.
type gatewayWith struct {
	addr   string
	mux    *http.ServeMux
	server *http.Server
	served sync.WaitGroup
	refuse atomic.Bool
	got    chan string // the events that came through /ws
}

func startGateway(t *testing.T, d *Dashboard) *gatewayWith {
	t.Helper()
	return startGuarded(t, d, openToAll)
}

// startGuarded starts one that lets in whom need does.
func startGuarded(t *testing.T, d *Dashboard, need func(access.Scope, http.Handler) http.Handler) *gatewayWith {
	t.Helper()
	g := &gatewayWith{addr: "127.0.0.1:0", mux: http.NewServeMux(), got: make(chan string, 8)}
	d.Register(g.mux, need)
	g.mux.HandleFunc("GET /ws", g.socket)
	g.start(t)
	t.Cleanup(g.stop)
	return g
}

// start listens at the address that it had before, if any.
func (g *gatewayWith) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	g.addr = l.Addr().String()
	server := &http.Server{Handler: g.mux}
	g.server = server
	g.served.Go(func() { _ = server.Serve(l) })
}

func (g *gatewayWith) stop() {
	_ = g.server.Close()
	g.served.Wait()
}

// socket speaks as the gateway does: hello, then the outcome of one event.
func (g *gatewayWith) socket(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"millrace.v1.json"}})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	answer := func(message string) { _ = ws.Write(r.Context(), websocket.MessageText, []byte(message)) }
	answer(`{"type":"hello","session":"s","next":1,"last":0,"durability":"fsynced"}`)
	_, event, err := ws.Read(r.Context())
	if err != nil {
		return
	}
	g.got <- string(event)
	answer(`{"type":"ping"}`)
	if g.refuse.Load() {
		answer(`{"type":"error","seq":1,"code":"paused","message":"intake is paused","retryable":true}`)
	}
	answer(`{"type":"ack","seq":1}`)
	_, _, _ = ws.Read(r.Context()) // until the browser closes
}

// reading is a fresh one with n accepted events and a rate that is not known.
func freshReading(n uint64) *pb.Stats {
	s := full()
	s.Time = timestamppb.Now()
	s.Totals.Accepted = &n
	s.Rates.InPerS = nil
	return s
}

func well() *pb.Diagnosis {
	return &pb.Diagnosis{Time: timestamppb.Now(), Status: pb.Status_STATUS_OK, Rules: 5}
}

func TestPageInABrowser(t *testing.T) {
	stats := startStats(t)
	stats.find(well())
	d := New(Config{StatsAddr: stats.addr, Log: quiet()})
	run(t, d)
	g := startGateway(t, d)
	page := openTab(t)
	page.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate("http://"+g.addr+"/"))

	t.Log("figures move, and what is not known is a dash")
	stats.say(freshReading(1))
	page.shows("#total-accepted", "1")
	stats.say(freshReading(2048))
	page.shows("#total-accepted", "2,048")
	page.shows("#verdict-title", "OK: All is well")
	page.shows(".link-state", "Live")
	if got := page.text("#rate-in"); !strings.HasPrefix(got, "–") {
		t.Errorf("an unknown rate is shown as %q", got)
	}

	t.Log("the button sends a test event and shows its acknowledgement")
	page.do(chromedp.Click(chromedp.CSS("#send-test")))
	page.shows("#test-outcome", "Acknowledged in ")
	if got := page.text("#test-outcome"); !strings.HasSuffix(got, "s, fsynced") {
		t.Errorf("outcome %q", got)
	}
	sent := <-g.got
	var event struct {
		Type string
		Data struct{ Value int }
	}
	if err := json.Unmarshal([]byte(sent), &event); err != nil || event.Type != "test" || event.Data.Value != 42 {
		t.Errorf("sent %s: %v", sent, err)
	}
	g.refuse.Store(true)
	page.do(chromedp.Click(chromedp.CSS("#send-test")))
	page.shows("#test-outcome", "Not acknowledged: paused: intake is paused")

	t.Log("a finding is shown with its remedy")
	stats.find(&pb.Diagnosis{Time: timestamppb.Now(), Status: pb.Status_STATUS_CRIT, Rules: 5, Findings: []*pb.Finding{
		{Id: "MR-WORKER-001", Status: pb.Status_STATUS_CRIT, Title: "No worker is alive", Symptom: "0 workers.", Remedy: "Start one."},
	}})
	page.shows("#verdict-title", "Critical: No worker is alive")
	page.shows(".remedy", "What to do Start one.")

	t.Log("stats goes away: said, with the last figures still there; and comes back")
	stats.stop()
	page.shows("#verdict-title", "Not known: The stats service cannot be reached")
	page.shows(".link-state", "Old figuresread")
	page.shows("#total-accepted", "2,048")
	stats.find(well())
	stats.say(freshReading(4096))
	stats.start(t)
	page.shows("#total-accepted", "4,096")
	page.shows("#verdict-title", "OK: All is well")
	if all := page.complaints(); len(all) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(all, "\n"))
	}

	t.Log("the gateway goes away: said; and comes back")
	g.stop()
	page.shows(".link-state", "Connection lostreconnecting in ")
	page.shows("#verdict-title", "Not known: The gateway cannot be reached")
	g.start(t)
	stats.say(freshReading(8192))
	page.shows("#total-accepted", "8,192")
	page.shows(".link-state", "Live")
	page.shows("#verdict-title", "OK: All is well")
	// That nothing answered is the browser's to report, from its network; nothing else is.
	if all := page.complaints("network"); len(all) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(all, "\n"))
	}
}

// From the narrowest phone to a desk nothing sticks out, whatever the figures and names.
func TestPageFits(t *testing.T) {
	stats := startStats(t)
	stats.find(&pb.Diagnosis{Status: pb.Status_STATUS_WARN, Findings: []*pb.Finding{{
		Id: "MR-LAG-001", Status: pb.Status_STATUS_WARN, Title: "Lag grows", Remedy: "docker compose up -d --scale worker=" + strings.Repeat("9", 80),
	}}})
	d := New(Config{StatsAddr: stats.addr, Log: quiet()})
	run(t, d)
	stats.say(crowded())
	g := startGateway(t, d)
	page := openTab(t)
	page.do(chromedp.EmulateViewport(320, 640), chromedp.Navigate("http://"+g.addr+"/"))
	page.shows("#total-processed", "999,999,999")
	page.shows("#verdict-title", "Warning: Lag grows")
	schemes := []string{"light", "dark"}
	for i, width := range []int64{320, 360, 480, 600, 768, 960, 1024, 1280} {
		page.do(chromedp.EmulateViewport(width, 800))
		page.scheme(schemes[i%len(schemes)])
		if wide := page.sticksOut(); len(wide) > 0 {
			t.Errorf("at %d pixels sticks out:\n%s", width, strings.Join(wide, "\n"))
		}
	}
	if all := page.complaints(); len(all) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(all, "\n"))
	}
}

// sticksOut are the elements that are wider than the window.
func (p *tab) sticksOut() []string {
	p.t.Helper()
	wide, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest(".visually-hidden, .rows thead"))
			.map(e => e.outerHTML.slice(0, 80))`))
	if err != nil {
		p.t.Fatal(err)
	}
	return wide
}

// crowded is a reading with long names and large figures.
func crowded() *pb.Stats {
	s := full()
	s.Time = timestamppb.New(time.Now())
	long := strings.Repeat("a-long-name-", 12)
	s.Totals.Processed = new(uint64(999_999_999))
	s.Rates = &pb.Rates{InPerS: new(9_999_999.0), OutPerS: new(9_999_999.0)}
	slow := func() *pb.Quantiles { return &pb.Quantiles{P50: new(999.0), P95: new(999.0), P99: new(999.0)} }
	s.LatencyMs = &pb.LatencySet{Ack: slow(), EndToEnd: slow(), Handler: slow()}
	s.Pipelines[0].Name, s.Instances[0].Id, s.Types[0].Type = long, long, long
	return s
}
