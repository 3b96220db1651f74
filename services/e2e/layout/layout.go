// Package layout holds the rules of the tree that the compiler does not know: which part may import which. Imports go
// one way,
//
//	cmd -> one service -> pkg -> proto/gen
//
// so that a part can be read, tested and changed without what comes before it. DESIGN.md draws the picture; the test
// beside this file compares it with what `go list` says.
package layout

import (
	"slices"
	"strings"
)

// Root is the prefix of all import paths of this repository.
const Root = "millrace.dev/"

// A part is a folder with all that is below it and has no line of its own. uses are the parts that it may import, in
// the go command's way: a/b is one part, a/... every part below a.
type part struct {
	folder string
	uses   []string
}

// parts lists every part in the order data flows. A package belongs to the longest folder that it is in.
func parts() []part {
	return []part{
		{"proto", nil},

		// Building blocks know nothing of each other that they do not need: whoever imports the client gets no Redis.
		{"pkg/access", nil},
		{"pkg/access/accesstest", nil},
		{"pkg/event", []string{"proto"}},
		{"pkg/histogram", nil},
		{"pkg/lifecycle", nil},
		{"pkg/telemetry", []string{"proto", "pkg/histogram", "pkg/lifecycle"}},
		{"pkg/client", []string{"proto", "pkg/event"}},

		// The stream: each role knows the handle and no other role, but for the book-keeping that is read and the
		// state that settles with its events.
		{"pkg/stream", []string{"pkg/stream/ledger"}},
		{"pkg/stream/produce", []string{"pkg/event", "pkg/stream", "pkg/stream/ledger"}},
		{"pkg/stream/consume", []string{"pkg/event", "pkg/histogram", "pkg/stream", "pkg/stream/ledger", "pkg/stream/state"}},
		{"pkg/stream/state", []string{"pkg/stream"}},
		{"pkg/stream/ledger", nil},
		{"pkg/stream/survey", []string{"pkg/stream", "pkg/stream/ledger", "pkg/stream/state"}},
		{"pkg/stream/tail", []string{"pkg/event", "pkg/stream"}},
		{"pkg/stream/deadletter", []string{"pkg/event", "pkg/stream"}},
		{"pkg/stream/retain", []string{"pkg/stream", "pkg/stream/ledger"}},
		{"pkg/stream/control", []string{"pkg/access", "pkg/stream"}},
		{"pkg/stream/server", nil},
		{"pkg/stream/streamtest", []string{"proto", "pkg/..."}},

		// Services never import each other. doctor and dashboard are libraries, and the operator's commands try out
		// pipelines without a worker.
		{"services/gateway", []string{"proto", "pkg/...", "services/dashboard", "services/doctor"}},
		{"services/worker", []string{"proto", "pkg/...", "services/worker/...", "services/doctor"}},
		{"services/worker/pipeline", []string{"proto", "pkg/...", "services/worker/window"}},
		{"services/worker/window", []string{"proto", "pkg/..."}},
		{"services/stats", []string{"proto", "pkg/...", "services/doctor"}},
		{"services/doctor", []string{"proto", "pkg/..."}},
		{"services/dashboard", []string{"proto", "pkg/..."}},
		{"services/cli", []string{"proto", "pkg/...", "services/doctor", "services/worker/pipeline", "services/worker/window"}},
		{"services/cmd/gateway", []string{"proto", "pkg/...", "services/gateway", "services/doctor", "services/cli"}},
		{"services/cmd/worker", []string{"proto", "pkg/...", "services/worker", "services/doctor", "services/cli"}},
		{"services/cmd/stats", []string{"proto", "pkg/...", "services/stats", "services/doctor", "services/cli"}},
		{"services/cmd/millrace", []string{"proto", "pkg/...", "services/..."}},
		{"services/e2e", []string{"proto", "pkg/...", "services/..."}},
	}
}

// Refuse says why package from may not import package to, or "" when it may. Both are whole import paths.
func Refuse(from, to string) string {
	if reason := refuseRedis(from, to); reason != "" {
		return reason
	}
	if !strings.HasPrefix(to, Root) {
		return ""
	}
	of, known := find(from)
	switch {
	case !known:
		return "is in no part that layout.go knows: give it a line there"
	case within(to, Root+"services/e2e") && of.folder != "services/e2e":
		return "imports the end-to-end tests"
	case of.owns(to) || slices.ContainsFunc(of.uses, func(use string) bool { return covers(use, to) }):
		return ""
	}
	return "may import only " + strings.Join(of.uses, ", ") + " beside itself"
}

// refuseRedis keeps Redis in one tree: what is stored, and how, can then be read there and changed there.
func refuseRedis(from, to string) string {
	switch {
	case within(to, "github.com/redis/go-redis") && !within(from, Root+"pkg/stream"):
		return "only pkg/stream and below talk to Redis"
	case within(to, "github.com/alicebob/miniredis") && from != Root+"pkg/stream/server":
		return "only pkg/stream/server embeds a Redis"
	}
	return ""
}

// find returns the part that a package belongs to.
func find(path string) (part, bool) {
	var best part
	for _, p := range parts() {
		if within(path, Root+p.folder) && len(p.folder) > len(best.folder) {
			best = p
		}
	}
	return best, best.folder != ""
}

// owns says whether a package belongs to the part itself.
func (p part) owns(path string) bool {
	of, known := find(path)
	return known && of.folder == p.folder
}

// covers says whether one entry of uses names the part that a package belongs to.
func covers(use, path string) bool {
	if folder, all := strings.CutSuffix(use, "/..."); all {
		return within(path, Root+folder)
	}
	return part{folder: use}.owns(path)
}

// within says whether an import path is folder or below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
