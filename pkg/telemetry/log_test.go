package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"testing"
)

func TestLogFormats(t *testing.T) {
	var out bytes.Buffer
	NewLogger(&out, Config{LogFormat: "json"}, "gateway").Info("hi", "n", 3)
	var rec map[string]any
	if err := json.Unmarshal(out.Bytes(), &rec); err != nil {
		t.Fatal(err)
	}
	if rec["msg"] != "hi" || rec["service"] != "gateway" || rec["n"] != 3.0 || rec["level"] != "INFO" {
		t.Errorf("json: %v", rec)
	}
	out.Reset()
	NewLogger(&out, Config{LogFormat: "text"}, "worker").Info("hi")
	if !strings.Contains(out.String(), "level=INFO msg=hi service=worker") {
		t.Errorf("text: %s", out.String())
	}
}

func TestLogLevels(t *testing.T) {
	for level, want := range map[string]string{
		"debug": "debug info warn error ", "": "info warn error ", "info": "info warn error ", "warn": "warn error ",
		"error": "error ", "loud": "info warn error ",
	} {
		var out bytes.Buffer
		log := NewLogger(&out, Config{LogLevel: level, LogFormat: "text"}, "gateway")
		log.Debug("debug")
		log.Info("info")
		log.Warn("warn")
		log.Error("error")
		var got strings.Builder
		for line := range strings.Lines(out.String()) {
			_, after, _ := strings.Cut(line, "msg=")
			got.WriteString(strings.Fields(after)[0] + " ")
		}
		if got.String() != want {
			t.Errorf("level %q shows %q, want %q", level, got.String(), want)
		}
	}
}

func TestCheckReportsAllFaults(t *testing.T) {
	err := Config{LogLevel: "loud", LogFormat: "xml"}.Check()
	if err == nil || !strings.Contains(err.Error(), "--log-level") || !strings.Contains(err.Error(), "--log-format") {
		t.Errorf("got %v, want both faults", err)
	}
	for _, fine := range []Config{{}, {LogLevel: "debug", LogFormat: "text"}, {LogLevel: "error", LogFormat: "json"}} {
		if err := fine.Check(); err != nil {
			t.Errorf("%+v: %v", fine, err)
		}
	}
}

func TestListenLineIsOneJSONObjectWithTheRealAddress(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var out bytes.Buffer
	ListenLine(NewLogger(&out, Config{}, "gateway"), "http", ln.Addr())
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Fatalf("%d lines: %s", n, out.String())
	}
	var rec struct{ Msg, What, Addr, Service string }
	if err := json.Unmarshal(out.Bytes(), &rec); err != nil {
		t.Fatal(err)
	}
	if rec.Msg != "listening" || rec.What != "http" || rec.Addr != ln.Addr().String() || rec.Service != "gateway" {
		t.Errorf("logged %+v", rec)
	}
}

func TestRingKeepsTheLatestOfEachLevel(t *testing.T) {
	var out bytes.Buffer
	var ring Ring
	log := ring.Attach(NewLogger(&out, Config{}, "gateway"))
	log.Error("broken", "n", -1)
	log.Debug("not enabled")
	for n := range RingRecords + 5 {
		log.With("a", 1).WithGroup("g").Info("round", "n", n)
	}
	infos := ring.Records(slog.LevelInfo)
	if len(infos) != RingRecords {
		t.Fatalf("%d records, want %d", len(infos), RingRecords)
	}
	for i, raw := range infos {
		var rec struct {
			Msg string
			A   int
			G   struct{ N int }
		}
		if err := json.Unmarshal(raw, &rec); err != nil {
			t.Fatal(err)
		}
		if rec.Msg != "round" || rec.A != 1 || rec.G.N != i+5 {
			t.Fatalf("record %d is %s", i, raw)
		}
	}
	if errs := ring.Records(slog.LevelError); len(errs) != 1 || !bytes.Contains(errs[0], []byte(`"n":-1`)) {
		t.Errorf("errors %s: chatter pushed one out", errs)
	}
	if n := len(ring.Records(slog.LevelDebug)) + len(ring.Records(slog.LevelWarn)); n != 0 {
		t.Errorf("%d records of levels that nobody logged", n)
	}
	if n := strings.Count(out.String(), "\n"); n != RingRecords+6 {
		t.Errorf("%d lines were written, want all %d", n, RingRecords+6)
	}
}

func TestRingPutsLevelsBetweenIntoTheOneBelow(t *testing.T) {
	var ring Ring
	log := ring.Attach(slog.New(slog.NewTextHandler(new(bytes.Buffer), &slog.HandlerOptions{Level: slog.Level(-100)})))
	for _, level := range []slog.Level{-8, -1, 3, 7, 12} {
		log.Log(t.Context(), level, "x")
	}
	for level, want := range map[slog.Level]int{slog.LevelDebug: 2, slog.LevelInfo: 1, slog.LevelWarn: 1, slog.LevelError: 1} {
		if got := len(ring.Records(level)); got != want {
			t.Errorf("%v: %d records, want %d", level, got, want)
		}
	}
}

func TestRingCutsWhatIsTooLong(t *testing.T) {
	var ring Ring
	ring.Attach(quiet()).Error("x") // a handler that takes nothing: neither does the ring
	if n := len(ring.Records(slog.LevelError)); n != 0 {
		t.Errorf("%d records", n)
	}
	ring.Attach(slog.New(slog.NewTextHandler(new(bytes.Buffer), nil))).Error("long", "x", strings.Repeat("é", ringBytes))
	kept := ring.Records(slog.LevelError)[0]
	var rec struct{ Cut string }
	if err := json.Unmarshal(kept, &rec); err != nil || !strings.Contains(rec.Cut, `"msg":"long"`) || len(kept) > 2*ringBytes {
		t.Errorf("kept %d bytes, %.100s, %v", len(kept), kept, err)
	}
}
