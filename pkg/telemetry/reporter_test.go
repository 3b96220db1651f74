package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"testing"
	"time"
)

// logged hands over each record of a logger as it is written.
type logged chan map[string]any

func (l logged) Write(line []byte) (int, error) {
	var rec map[string]any
	if err := json.NewDecoder(bytes.NewReader(line)).Decode(&rec); err != nil {
		return 0, err
	}
	l <- rec
	return len(line), nil
}

func (l logged) want(t *testing.T, level, msg string) {
	t.Helper()
	select {
	case rec := <-l:
		if rec["level"] != level || rec["msg"] != msg {
			t.Fatalf("logged %v, want %s %q", rec, level, msg)
		}
	case <-time.After(patience):
		t.Fatalf("not logged: %s %q", level, msg)
	}
}

// collected gets a signal each time the figures are read.
type collected chan struct{}

// want waits for n more reports, whether or not they arrive.
func (c collected) want(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-c:
		case <-time.After(patience):
			t.Fatal("collecting has stopped")
		}
	}
}

const (
	wentAway = "stats can't be reached, reporting goes on when it is back"
	isBack   = "stats is back"
)

func TestStatsAwayAndBackIsOneLineEach(t *testing.T) {
	addr := freeAddr(t)
	lines := make(logged, 100)
	p := provide(t, ProviderConfig{
		StatsAddr: addr, Interval: 5 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(lines, nil)),
	})
	rounds := make(collected)
	p.Counter(MetricAccepted, UnitEvents, With(), func() uint64 {
		select {
		case rounds <- struct{}{}:
		default:
		}
		return 9
	})
	lines.want(t, "WARN", wentAway) // it was never there
	rounds.want(t, 20)              // and that many failures say nothing more

	var stats receiver
	_, stop := receive(t, addr, &stats)
	stats.next(t)
	lines.want(t, "INFO", isBack)
	_, all := stats.next(t)
	if n := all[MetricAccepted].GetSum().DataPoints[0].GetAsInt(); n != 9 {
		t.Errorf("accepted %d, want 9", n)
	}

	stop()
	lines.want(t, "WARN", wentAway)
	rounds.want(t, 20)
	var again receiver
	receive(t, addr, &again)
	again.next(t)
	lines.want(t, "INFO", isBack)
}

func TestStoppingIsNotStatsGoingAway(t *testing.T) {
	stats := receiver{hang: true}
	addr, stop := receive(t, "127.0.0.1:0", &stats)
	lines := make(logged, 100)
	p := provide(t, ProviderConfig{
		StatsAddr: addr, Interval: 5 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(lines, nil)),
	})
	stats.next(t) // a report is under way
	if err := p.Shutdown(canceled(t)); err != nil {
		t.Error(err)
	}
	stop()
	select {
	case rec := <-lines:
		t.Errorf("logged %v", rec)
	default:
	}
}

// freeAddr is an address where nothing listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
