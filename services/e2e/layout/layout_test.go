package layout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millrace.dev/services/e2e/layout"
)

// tree is the repository, seen from this package.
const tree = "../../.."

// listed is what `go list` says of one package.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// list asks the go command for every package of the three modules.
func list(t *testing.T) []listed {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "work")
	command.Dir, command.Stderr = tree, os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

func TestImportsGoOneWay(t *testing.T) {
	packages := list(t)
	if !slices.ContainsFunc(packages, func(p listed) bool { return p.ImportPath == layout.Root+"pkg/stream" }) {
		t.Fatalf("go list found %d packages and no pkg/stream: nothing would be checked", len(packages))
	}
	for _, p := range packages {
		for _, to := range p.Imports {
			if reason := layout.Refuse(p.ImportPath, to); reason != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, to, reason)
			}
		}
	}
}

// A test may lean on any building block, as a service may; it may not pull in another service.
func TestTestsKeepToTheirService(t *testing.T) {
	for _, p := range list(t) {
		for _, to := range slices.Concat(p.TestImports, p.XTestImports) {
			block := strings.HasPrefix(to, layout.Root+"pkg/") || strings.HasPrefix(to, layout.Root+"proto/")
			if reason := layout.Refuse(p.ImportPath, to); reason != "" && !block && strings.HasPrefix(to, layout.Root) {
				t.Errorf("a test of %s imports %s: %s", p.ImportPath, to, reason)
			}
		}
	}
}

// The rules themselves: each line that says false is an import that must never pass.
func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"services/cmd/gateway", "services/gateway", true},
		{"services/cmd/gateway", "services/worker", false},
		{"services/cmd/millrace", "services/worker", true},
		{"services/cmd/millrace", "services/e2e/proc", false},
		{"services/gateway", "pkg/stream/produce", true},
		{"services/gateway", "services/dashboard", true},
		{"services/gateway", "services/worker", false},
		{"services/gateway", "services/stats", false},
		{"services/worker/sink", "services/worker", true},
		{"services/worker", "services/worker/pipeline", true},
		{"services/worker/pipeline", "services/worker", false},
		{"services/worker", "services/gateway", false},
		{"services/stats", "services/doctor", true},
		{"services/stats", "services/gateway", false},
		{"services/doctor", "services/stats", false},
		{"services/cli", "services/worker/pipeline", true},
		{"services/cli", "services/worker/sink", false},
		{"services/cli", "services/worker", false},
		{"services/e2e/crash", "services/worker", true},
		{"services/invented", "pkg/event", false},
		{"pkg/stream/produce", "pkg/stream", true},
		{"pkg/stream/produce", "pkg/stream/consume", false},
		{"pkg/stream", "pkg/stream/produce", false},
		{"pkg/stream/survey", "pkg/stream/ledger", true},
		{"pkg/stream/ledger", "pkg/stream", false},
		{"pkg/client", "pkg/stream", false},
		{"pkg/event", "services/gateway", false},
		{"proto/gen/millrace/v1", "pkg/event", false},
	} {
		reason := layout.Refuse(layout.Root+c.from, layout.Root+c.to)
		if (reason == "") != c.allowed {
			t.Errorf("%s imports %s: allowed is %v, want %v (%s)", c.from, c.to, reason == "", c.allowed, reason)
		}
	}
}

func TestRefuseRedis(t *testing.T) {
	const redis, embedded = "github.com/redis/go-redis/v9", "github.com/alicebob/miniredis/v2/server"
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"pkg/stream", redis, true},
		{"pkg/stream/consume", redis, true},
		{"pkg/streams", redis, false},
		{"pkg/event", redis, false},
		{"services/stats", redis, false},
		{"services/e2e/crash", redis, false},
		{"pkg/stream/server", embedded, true},
		{"pkg/stream/streamtest", embedded, false},
		{"services/cmd/millrace", embedded, false},
	} {
		if got := layout.Refuse(layout.Root+c.from, c.to) == ""; got != c.allowed {
			t.Errorf("%s imports %s: allowed is %v, want %v", c.from, c.to, got, c.allowed)
		}
	}
}

// sources calls visit with every Go file below a folder of services.
func sources(t *testing.T, folder string, visit func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(tree, folder), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil {
			visit(path, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Stream.Redis is for the roles below pkg/stream; it is exported only because they are packages of their own.
func TestServicesDoNotReachForRedis(t *testing.T) {
	call := []byte("." + "Redis()")
	sources(t, "services", func(path string, text []byte) {
		if bytes.Contains(text, call) {
			t.Errorf("%s calls %s: what it needs belongs into a role below pkg/stream", path, call)
		}
	})
}

// A main reads its settings, calls Run and exits: in 40 lines there is no room for anything that wants a test.
func TestMainsAreShort(t *testing.T) {
	mains := map[string]int{}
	sources(t, "services/cmd", func(path string, text []byte) {
		if filepath.Base(path) == "main.go" {
			mains[filepath.Base(filepath.Dir(path))] = bytes.Count(text, []byte("\n"))
		}
	})
	for _, name := range []string{"gateway", "worker", "stats", "millrace"} {
		if lines, found := mains[name]; !found || lines > 40 {
			t.Errorf("services/cmd/%s/main.go: found is %v with %d lines, want one of at most 40", name, found, lines)
		}
	}
}
