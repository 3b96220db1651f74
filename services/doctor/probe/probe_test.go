package probe_test

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	pb "millrace.dev/proto/gen/millrace/v1"
	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/probe"
	"millrace.dev/services/doctor/render"
	"millrace.dev/services/doctor/wire"
)

// answers is what a gateway says by path; a path without an answer is 404.
type answers map[string]string

func wellGateway() answers {
	return answers{
		"/health":        `{"status":"ok","service":"gateway","instance":"g1"}`,
		"/health/ready":  `{"status":"ready"}`,
		"/debug/buffer":  `{"size":9000,"capacity":10000,"dropped":0,"workers":1}`,
		"/api/diagnosis": diagnosisJSON(doctor.Diagnosis{Status: doctor.OK, Rules: 7}),
	}
}

func diagnosisJSON(d doctor.Diagnosis) string {
	var b strings.Builder
	if err := render.JSON(&b, d); err != nil {
		return err.Error()
	}
	return b.String()
}

// with is the answers after one change; an empty answer is none.
func (a answers) with(path, answer string) answers {
	a = maps.Clone(a)
	a[path] = answer
	return a
}

func serve(t *testing.T, a answers) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := a[r.URL.Path]
		switch {
		case r.Header.Get("Authorization") != "Bearer key":
			w.WriteHeader(http.StatusUnauthorized)
		case answer == "":
			w.WriteHeader(http.StatusNotFound)
		case strings.Contains(answer, "unready"):
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// closed is an address on which nobody listens any more.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

type statsServer struct {
	pb.UnimplementedStatsServiceServer
	diagnosis doctor.Diagnosis
}

func (s statsServer) Diagnose(context.Context, *pb.DiagnoseRequest) (*pb.DiagnoseResponse, error) {
	return &pb.DiagnoseResponse{Diagnosis: wire.ToProto(s.diagnosis)}, nil
}

func serveStats(t *testing.T, d doctor.Diagnosis) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterStatsServiceServer(server, statsServer{diagnosis: d})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(l); err != nil {
			t.Errorf("serving stats: %v", err)
		}
	})
	t.Cleanup(func() {
		server.Stop()
		wg.Wait()
	})
	return l.Addr().String()
}

func TestTakeOfWhatIsReached(t *testing.T) {
	c := probe.Config{Gateway: serve(t, wellGateway()), Key: "key", Stats: closed(t)}
	s := probe.Take(t.Context(), c)
	if p := s.Probes[doctor.ProbeGateway]; p.Fault != "" {
		t.Errorf("the gateway answers, and the probe says %+v", p)
	}
	if p := s.Probes[doctor.ProbeRedis]; p.Fault != "" || p.Target == "" {
		t.Errorf("the gateway is ready, and the probe of its Redis says %+v", p)
	}
	if p := s.Probes[doctor.ProbeStats]; p.Fault != doctor.FaultRefused || p.Target != c.Stats {
		t.Errorf("nobody listens for stats, and the probe says %+v", p)
	}
	if want := []doctor.Buffer{{Instance: "g1", Size: 9000, Capacity: 10000}}; !slices.Equal(s.Buffers, want) {
		t.Errorf("buffers %+v, want %+v", s.Buffers, want)
	}
	for _, part := range []doctor.Part{
		doctor.PartSurvey, doctor.PartFeed, doctor.PartFlow, doctor.PartMemory,
		doctor.PartRefusals, doctor.PartGates, doctor.PartControl,
	} {
		if s.Missing[part] == "" {
			t.Errorf("nothing says why %s is missing", part)
		}
	}
}

func TestDiagnose(t *testing.T) {
	rules := len(doctor.Rules())
	warning := doctor.Diagnosis{Status: doctor.Warn, Rules: rules, Findings: []doctor.Finding{{ID: "MR-LAG-001", Status: doctor.Warn}}}
	without := doctor.Diagnosis{Status: doctor.Unknown, Findings: []doctor.Finding{{ID: "MR-STATS-001", Status: doctor.Unknown}}}
	away := doctor.Diagnosis{Status: doctor.Crit, Rules: rules, Findings: []doctor.Finding{{ID: "MR-GATEWAY-001", Status: doctor.Crit}}}
	noStats := wellGateway().with("/api/diagnosis", diagnosisJSON(without))
	for _, c := range []struct {
		name    string
		gateway string
		stats   string
		want    []string // id and status, of those that were not skipped
	}{
		{"the gateway knows what stats found", serve(t, wellGateway().with("/api/diagnosis", diagnosisJSON(warning))), closed(t),
			[]string{"MR-LAG-001 warn"}},
		{"the gateway is away and stats is not", "http://" + closed(t), serveStats(t, warning),
			[]string{"MR-GATEWAY-001 crit", "MR-LAG-001 warn"}},
		{"the gateway is away, and stats knows it", "http://" + closed(t), serveStats(t, away), []string{"MR-GATEWAY-001 crit"}},
		{"the gateway has no stats, we have", serve(t, noStats), serveStats(t, warning), []string{"MR-LAG-001 warn"}},
		{"nobody has stats", serve(t, noStats), closed(t), []string{
			"MR-STATS-001 warn", "MR-BUFFER-001 warn"}},
		{"nobody has stats, and Redis is away", serve(t, noStats.with("/health/ready", `{"status":"unready","error":"dial tcp: connection refused"}`)), closed(t), []string{
			"MR-REDIS-001 crit", "MR-STATS-001 warn"}},
		{"nobody is there", "http://" + closed(t), closed(t), []string{
			"MR-GATEWAY-001 crit", "MR-STATS-001 warn",
			"MR-REDIS-001 unknown", "MR-BUFFER-001 unknown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := probe.Diagnose(t.Context(), probe.Config{Gateway: c.gateway, Key: "key", Stats: c.stats})
			var got []string
			for _, f := range d.Findings {
				if f.SkippedBy == "" {
					got = append(got, f.ID+" "+string(f.Status))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if d.Rules != rules || d.Status != doctor.Overall(d.Findings) {
				t.Errorf("%d rules, overall %s", d.Rules, d.Status)
			}
		})
	}
}

func TestAWrongKeyIsNamed(t *testing.T) {
	c := probe.Config{Gateway: serve(t, wellGateway()), Key: "wrong", Stats: closed(t)}
	if p := probe.Take(t.Context(), c).Probes[doctor.ProbeGateway]; p.Fault != doctor.FaultDenied {
		t.Errorf("a wrong key gives %+v, want %s", p, doctor.FaultDenied)
	}
}

// Where a key is asked for, the remedy is a key, and not to start what runs.
func TestWithoutAKeyTheRemedyIsAKey(t *testing.T) {
	health := http.NewServeMux()
	health.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"ok"}`)) })
	health.HandleFunc("GET /health/ready", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"ready"}`)) })
	health.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"code":"unauthorized","message":"a key is needed"}`))
	})
	gateway := httptest.NewServer(health)
	defer gateway.Close()
	d := probe.Diagnose(t.Context(), probe.Config{Gateway: gateway.URL, Stats: closed(t)})
	i := slices.IndexFunc(d.Findings, doctor.Finding.AboutStats)
	if i < 0 {
		t.Fatalf("found %+v", d.Findings)
	}
	f := d.Findings[i]
	for _, want := range []string{"--key", "MILLRACE_KEY", "scope read", "admin"} {
		if !strings.Contains(f.Remedy, want) {
			t.Errorf("the remedy does not say %s: %s", want, f.Remedy)
		}
	}
	if strings.Contains(f.Remedy, "docker") || !strings.Contains(f.Title, "denies") || !strings.Contains(f.Evidence[1].Value, "a key is needed") {
		t.Errorf("found %+v", f)
	}
}

func TestASilentGatewayIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // connects, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := probe.Config{Gateway: "http://" + l.Addr().String(), Stats: l.Addr().String(), Timeout: 200 * time.Millisecond}
	s := probe.Take(t.Context(), c)
	for _, name := range []string{doctor.ProbeGateway, doctor.ProbeStats} {
		if p := s.Probes[name]; p.Fault != doctor.FaultTimeout {
			t.Errorf("%s: %+v, want %s", name, p, doctor.FaultTimeout)
		}
	}
}

// The snapshot is a bundle: what the doctor sees here, somebody else can examine there.
func TestSnapshotCanBeSent(t *testing.T) {
	s := probe.Take(t.Context(), probe.Config{Gateway: "http://" + closed(t), Stats: closed(t)})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := doctor.Read(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	here, there := doctor.Examine(s, nil), doctor.Examine(again, nil)
	if len(here) == 0 || doctor.Overall(here) != doctor.Overall(there) || len(here) != len(there) {
		t.Errorf("here %+v\nthere %+v", here, there)
	}
}
