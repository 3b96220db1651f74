package dashboard

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	pb "millrace.dev/proto/gen/millrace/v1"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// get asks d for a path.
func get(d *Dashboard, path string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	d.Register(mux, openToAll)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestStatsAwayAndBack(t *testing.T) {
	stats := startStats(t)
	d := New(Config{StatsAddr: stats.addr, Log: quiet()})
	run(t, d)
	stats.say(accepted(1))
	await(t, d, 1)

	stats.stop()
	if got, want := get(d, "/api/stats").Body.Bytes(), renderStats(accepted(1)); !slices.Equal(got, want) {
		t.Errorf("without stats: %s, want the last reading with its time: %s", got, want)
	}
	stats.say(accepted(2))
	stats.start(t)
	await(t, d, 2)
	if got := d.Latest().GetTotals().GetAccepted(); got != 2 {
		t.Errorf("Latest has %d accepted events, want 2", got)
	}
}

func TestNothingIsKnownAtFirst(t *testing.T) {
	d := New(Config{StatsAddr: "127.0.0.1:1"})
	if d.Latest() != nil {
		t.Error("Latest is not nil before the first answer")
	}
	var body struct{ Time, Missing *json.Number }
	w := get(d, "/api/stats")
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if body.Time != nil || body.Missing != nil {
		t.Errorf("time and missing are known: %s", w.Body)
	}
	status, id := diagnosed(t, d)
	if status != "unknown" || id != findingStatsAway {
		t.Errorf("diagnosis %q %q, want unknown because of stats", status, id)
	}
}

// diagnosed is the status of /api/diagnosis and the id of its first finding.
func diagnosed(t *testing.T, d *Dashboard) (status, id string) {
	t.Helper()
	var body diagnosisJSON
	if err := json.Unmarshal(get(d, "/api/diagnosis").Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Findings) > 0 {
		id = body.Findings[0].ID
	}
	return body.Status, id
}

// Two bad samples raise, one good one clears.
func TestDiagnosisWithoutStats(t *testing.T) {
	stats := startStats(t)
	d := New(Config{StatsAddr: stats.addr, Log: quiet()})
	conn, err := dial(d.config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	service := pb.NewStatsServiceClient(conn)
	a := away{addr: stats.addr}
	step := func(want, wantID string) {
		t.Helper()
		a = d.askDiagnosis(t.Context(), service, a)
		if status, id := diagnosed(t, d); status != want || id != wantID {
			t.Errorf("%q %q after %d failures, want %q %q", status, id, a.failures, want, wantID)
		}
	}
	step("ok", "")
	stats.find(&pb.Diagnosis{Status: pb.Status_STATUS_WARN, Findings: []*pb.Finding{{Id: "MR-LAG-001"}}})
	step("warn", "MR-LAG-001")
	stats.stop()
	step("warn", "MR-LAG-001")
	step("unknown", findingStatsAway)
	step("unknown", findingStatsAway)

	stats.start(t)
	conn.ResetConnectBackoff()
	for a.failures > 0 { // the connection is being made: a call fails at once until it is
		a = d.askDiagnosis(t.Context(), service, a)
	}
	step("warn", "MR-LAG-001")
}

func TestInternalKeyIsShown(t *testing.T) {
	for key, want := range map[string]string{"": "", "secret": "Bearer secret"} {
		stats := startStats(t)
		stats.say(accepted(1))
		d := New(Config{StatsAddr: stats.addr, InternalKey: key, Log: quiet()})
		stop := run(t, d)
		await(t, d, 1)
		stop()
		keys := stats.shown()
		if (want == "") != (len(keys) == 0) || slices.ContainsFunc(keys, func(k string) bool { return k != want }) {
			t.Errorf("key %q: shown %q, want %q", key, keys, want)
		}
	}
}

func TestRunRefusesWhatIsNoAddress(t *testing.T) {
	d := New(Config{StatsAddr: "passthrough://\x00", Log: quiet()})
	if err := d.Run(t.Context()); err == nil {
		t.Error("no error")
	}
	select {
	case <-d.ended:
	default:
		t.Error("event streams would go on")
	}
}

func TestRetryAfter(t *testing.T) {
	for failures := range 100 {
		least, most := retryAfter(failures, 0), retryAfter(failures, 1)
		if least < firstRetry || most > lastRetry || least >= most {
			t.Errorf("after %d failures: %v to %v", failures, least, most)
		}
	}
	if first := retryAfter(0, 1); first > 2*firstRetry {
		t.Errorf("the first wait is up to %v", first)
	}
	if late := retryAfter(50, 0); late != lastRetry/2 {
		t.Errorf("a late wait is %v at least, want %v", late, lastRetry/2)
	}
}
