package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"millrace.dev/pkg/event"
	"millrace.dev/services/e2e/stack"
)

// Every line of real logs goes through: lines = accepted = processed, twice in a row, byte for byte.
func TestLogsThroughSend(t *testing.T) {
	s, gateway, _ := stack.Whole(t)
	var sent []string
	for range 2 {
		for kind, file := range logs(t) {
			lines := linesOf(t, file)
			command, code := s.Command("send", "--url="+gateway.WebSocket(), "--type="+kind, file)
			if want := fmt.Sprintf("lines %d  acknowledged %d  refused 0", len(lines), len(lines)); code != 0 || !strings.Contains(command.Output(), want) {
				t.Errorf("%s: exit code %d, %s; want %s", file, code, command.Output(), want)
			}
			if want := fmt.Sprintf("accepted %d  processed %d", len(lines), len(lines)); !strings.Contains(command.Output(), want) {
				t.Errorf("%s: %s; want %s", file, command.Output(), want)
			}
			for _, line := range lines {
				sent = append(sent, kind+" "+line)
			}
		}
	}
	s.AwaitProcessed(len(sent))
	stack.SameCounts(t, sent, dataOf(t, s))
}

// The same with the gateway killed half-way and started again.
func TestLogsThroughSendWhileTheGatewayIsKilled(t *testing.T) {
	s, gateway, _ := stack.Whole(t)
	file := filepath.Join(t.TempDir(), "long.log")
	content, err := os.ReadFile(packageLog(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Repeat(content, 1+20_000/bytes.Count(content, []byte("\n"))), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := linesOf(t, file)
	sending := s.Begin("send", "--url="+gateway.WebSocket(), "--type=dpkg", "--frame=10", file)
	stack.Await(t, "half of the lines are stored", func() (uint64, bool) {
		n := s.Counters()["accepted"]
		return n, n > uint64(len(lines)/2)
	})
	gateway.Kill()
	if n := s.Counters()["accepted"]; n >= uint64(len(lines)) {
		t.Errorf("all %d lines were stored before the gateway died", n)
	}
	gateway.Again()
	code := sending.Wait()
	if want := fmt.Sprintf("lines %d  acknowledged %d  refused 0", len(lines), len(lines)); code != 0 || !strings.Contains(sending.Output(), want) {
		t.Errorf("exit code %d, %s; want %s", code, sending.Output(), want)
	}
	s.AwaitProcessed(len(lines))
	sent := make([]string, len(lines))
	for i, line := range lines {
		sent[i] = "dpkg " + line
	}
	stack.SameCounts(t, sent, dataOf(t, s))
}

// logs are the logs of this machine and one with all that a line may hold, by the type that their lines get.
func logs(t *testing.T) map[string]string {
	t.Helper()
	odd := filepath.Join(t.TempDir(), "odd.log")
	text := "plain\n\nquotes \" and \\ back\nl\xe9gende in Latin-1\n\xff\xfe\x00\x01\ntab\tbell\x07 nul\x00\n" +
		"carriage return\r\némoji 🌊 \u2028 \ufeff\n{\"type\":\"not an event\"}\n" + strings.Repeat("long ", 50_000) + "\nno newline at the end"
	if err := os.WriteFile(odd, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{"dpkg": packageLog(t), "odd": odd}
	for _, name := range []string{"apt/term.log", "bootstrap.log", "syslog"} { // one more, if this machine has one
		file := filepath.Join("/var/log", name)
		if content, err := os.ReadFile(file); err == nil && len(content) > 0 {
			found[name] = file
			break
		}
	}
	return found
}

// packageLog is dpkg's log, or one like it where there is none.
func packageLog(t *testing.T) string {
	t.Helper()
	const real = "/var/log/dpkg.log"
	if content, err := os.ReadFile(real); err == nil && len(content) > 0 {
		return real
	}
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "2026-03-01 12:%02d:%02d status half-configured lib%d:amd64 1.%d-1+b%d\n", i/60%60, i%60, i, i%7, i%3)
	}
	file := filepath.Join(t.TempDir(), "dpkg.log")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// linesOf are the lines of a file, without their ends.
func linesOf(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

// dataOf is the type and the text of each stored event.
func dataOf(t *testing.T, s *stack.Stack) []string {
	t.Helper()
	var all []string
	for _, events := range s.Stored().Partitions {
		for i := range events {
			all = append(all, events[i].Type+" "+textOf(t, &events[i]))
		}
	}
	return all
}

// textOf is the line that an event was made of. Lines that are UTF-8 travel as JSON strings, others as bytes.
func textOf(t *testing.T, e *event.Event) string {
	t.Helper()
	if e.Binary {
		if utf8.Valid(e.Data) {
			t.Errorf("%q travelled as bytes", e.Data)
		}
		return string(e.Data)
	}
	var text string
	if err := json.Unmarshal(e.Data, &text); err != nil {
		t.Errorf("data %s of a line: %v", e.Data, err)
	}
	return text
}
