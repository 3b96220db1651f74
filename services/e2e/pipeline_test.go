package e2e

import (
	"fmt"
	"testing"
	"time"

	"millrace.dev/services/e2e/stack"
)

// Events by every way in lie in the stream as they were sent, come to the handlers once, and are in the figures.
func TestPipeline(t *testing.T) {
	s, gateway, _ := stack.Whole(t)
	witness := s.Witness()
	awaitFigures(t, gateway, "everybody reports", func(f figures) bool { return f.services() == "[gateway stats worker]" })

	ids := sendEveryWay(t, s, gateway)
	witness.Exactly(ids)
	s.AwaitProcessed(len(ids))
	stored := s.Stored()
	stored.Exactly(ids)

	f, took := awaitFigures(t, gateway, "the figures are of this moment", func(figures) bool { return true })
	if took > 2*time.Second {
		t.Errorf("the figures were older than %v", took)
	}
	n := len(ids)
	if number(f.Totals.Accepted) != n || number(f.Totals.Processed) != 2*n || number(f.Totals.Pending) != 0 ||
		number(f.Totals.Duplicates) != 0 || number(f.Totals.Dead) != 0 || number(f.Totals.Dropped) != 0 || f.Missing == nil || *f.Missing != 0 {
		t.Errorf("%d events were sent to two pipelines: %v", n, f)
	}
	for _, p := range f.Pipelines {
		if number(p.Processed) != n || number(p.Pending) != 0 || number(p.LagEvents) != 0 || p.LagSeconds == nil || *p.LagSeconds != 0 {
			t.Errorf("%d events were sent; pipeline %s: %v", n, p.Name, f)
		}
	}
	counted := map[string]int{}
	for _, row := range f.Types {
		counted[row.Type] = int(row.Count)
	}
	if fmt.Sprint(counted) != fmt.Sprint(stored.Types()) {
		t.Errorf("types are %v, stored are %v", counted, stored.Types())
	}
	if len(f.Pipelines) != 2 || f.services() != "[gateway stats worker]" {
		t.Errorf("two pipelines and three services: %v", f)
	}
	awaitFigures(t, gateway, "latencies and rates are known", func(f figures) bool {
		return f.Latency.Ack.known() && f.Latency.EndToEnd.known() && f.Latency.Handler.known() && f.Rates.In != nil && *f.Rates.In > 0
	})
	_, body := stack.Get(t, gateway.URL("/api/stats"))
	if missing := lacking(t, body); len(missing) > 0 {
		t.Errorf("/api/stats lacks %v:\n%s", missing, body)
	}
}

// sendEveryWay sends by the SDK, over a plain WebSocket, and by HTTP as one, as an array and as lines; it returns
// the ids of all.
func sendEveryWay(t *testing.T, s *stack.Stack, gateway *stack.Service) []string {
	t.Helper()
	sdk := s.Sender("sdk", gateway.WebSocket())
	for range 100 {
		if err := sdk.Send(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
	}
	sdk.Flush(t.Context())
	ids := sdk.Sent()

	plain := connect(t, gateway, "")
	plain.say(string(stack.Events("plain", 1, 1)))
	plain.say(string(stack.Events("plain", 2, 100)))
	if refused := plain.acked(100); len(refused) > 0 {
		t.Errorf("refused: %+v", refused)
	}
	for n := range 100 {
		ids = append(ids, stack.ID("plain", n+1))
	}

	var lines []byte
	for n := 1; n <= 50; n++ {
		lines = append(append(lines, stack.Events("lines", n, n)...), '\n')
	}
	for kind, body := range map[string][]byte{"one": stack.Events("one", 1, 1), "array": stack.Events("array", 1, 50), "lines": lines} {
		contentType := map[bool]string{false: "application/json", true: "application/x-ndjson"}[kind == "lines"]
		status, answer := post(t, gateway, contentType, body)
		if status != 202 || answer.Accepted != len(answer.IDs) || answer.Accepted == 0 || len(answer.Errors) > 0 || answer.Duplicates > 0 {
			t.Errorf("%s: %d %+v", kind, status, answer)
		}
		ids = append(ids, answer.IDs...)
	}
	if len(ids) != 700+100+1+50+50 {
		t.Errorf("%d events were taken", len(ids))
	}
	return ids
}

// What nobody has measured is null, and every name is there all the same.
func TestFiguresThatAreNotKnownAreNull(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway() // no stats
	gateway.AwaitReady()
	_, body := stack.Get(t, gateway.URL("/api/stats"))
	if missing := lacking(t, body); len(missing) > 0 {
		t.Errorf("/api/stats lacks %v:\n%s", missing, body)
	}
	f := statsOf(t, gateway)
	if f.Time != nil || f.Totals.Accepted != nil || f.Totals.Rejected != nil || f.Rates.In != nil || f.Latency.Ack.P50 != nil ||
		f.Buffer.Size != nil || f.Connections.WebSocket != nil || len(f.Instances) > 0 {
		t.Errorf("nobody has measured anything: %v", f)
	}

	s.Stats()
	informed := s.Gateway()
	f, _ = awaitFigures(t, informed, "stats tells", func(f figures) bool { return f.services() == "[gateway stats]" })
	if number(f.Totals.Accepted) != 0 || f.Latency.Ack.P50 != nil || f.Latency.Handler.P99 != nil {
		t.Errorf("no event came yet: %v", f)
	}
}

// Totals survive whoever is restarted, those of refused events too.
func TestTotalsSurviveEveryRestart(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	stats := s.Stats()
	gateway, worker := s.Gateway(), s.Worker()
	gateway.AwaitReady()
	if status, _ := post(t, gateway, "application/json", []byte(`[{"type":"fine"},{"type":"fine"},{"type":""}]`)); status != 202 {
		t.Fatalf("status %d", status)
	}
	want := func(f figures) bool {
		return number(f.Totals.Accepted) == 2 && number(f.Totals.Rejected) == 1 && number(f.Totals.Processed) == 2
	}
	awaitFigures(t, gateway, "2 accepted, 1 rejected", want)
	for _, service := range []*stack.Service{worker, gateway, stats} {
		service.Kill()
		service.Again()
	}
	gateway.AwaitReady()
	awaitFigures(t, gateway, "2 accepted, 1 rejected, still", func(f figures) bool {
		return want(f) && f.services() == "[gateway stats worker]"
	})
	if status, _ := post(t, gateway, "application/json", []byte(`[{"type":"fine"},{"type":7}]`)); status != 202 {
		t.Fatalf("status %d", status)
	}
	awaitFigures(t, gateway, "3 accepted, 2 rejected", func(f figures) bool {
		return number(f.Totals.Accepted) == 3 && number(f.Totals.Rejected) == 2
	})
}
