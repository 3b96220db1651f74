package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"millrace.dev/services/e2e/stack"
)

// The page of a real pipeline in a real browser: figures move, an event is sent from it, and it says what is away.
func TestPage(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	stats := s.Stats()
	gateway, worker := s.Gateway(), s.Worker()
	gateway.AwaitReady()
	worker.AwaitReady()
	page := openTab(t)
	page.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(gateway.URL("/")))

	t.Log("figures move")
	page.shows("#total-accepted", `=== "0"`)
	load := s.Load(2, 10*time.Millisecond, gateway.WebSocket())
	page.shows("#total-accepted", `!== "0"`)
	page.shows("#rate-in", `.match(/[1-9]/)`)
	page.shows("#verdict-title", `.startsWith("OK: ")`)
	page.shows(".link-state", `.startsWith("Live")`)
	ids := load.Finish()
	s.Stored().Exactly(ids)
	s.AwaitProcessed(len(ids))

	t.Log("the button sends an event, which is stored")
	page.do(chromedp.Click(chromedp.CSS("#send-test")))
	page.shows("#test-outcome", `.startsWith("Acknowledged in ")`)
	page.shows("#test-outcome", `.endsWith("fsynced")`)
	s.AwaitProcessed(len(ids) + 1)
	if n := s.Stored().Types()["test"]; n != 1 {
		t.Errorf("%d test events are stored", n)
	}
	page.shows("#total-accepted", fmt.Sprintf(`.replaceAll(/\D/g, "") === "%d"`, len(ids)+1))

	t.Log("stats is killed: said, with the last figures still there; and all is well when it is back")
	stats.Kill()
	page.shows("#verdict-title", `.includes("stats service")`)
	page.shows(".link-state", `.startsWith("Old figures")`)
	stats.Again()
	page.shows(".link-state", `.startsWith("Live")`)
	page.shows("#verdict-title", `.startsWith("OK: ")`)

	if all := page.complaints(); len(all) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(all, "\n"))
	}

	t.Log("the gateway is killed: said; the page comes back by itself")
	gateway.Kill()
	page.shows(".link-state", `.match(/Connection lost|Reconnecting/)`)
	gateway.Again()
	page.shows(".link-state", `.startsWith("Live")`)
	if all := page.complaints("network"); len(all) > 0 { // that nobody answered is the browser's own remark
		t.Errorf("the browser complains:\n%s", strings.Join(all, "\n"))
	}
}

// tab is a page in a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	messages []chromedp.ConsoleMessage
}

// openTab starts a Chromium of its own with an empty profile, and ends it with the test.
func openTab(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := context.WithTimeout(allocator, 2*time.Minute)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	p := &tab{t: t, ctx: ctx}
	var listening sync.WaitGroup
	console := chromedp.Console(ctx)
	listening.Go(func() {
		for m, err := range console {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.messages = append(p.messages, m)
			p.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		if t.Failed() {
			p.picture()
		}
		_ = chromedp.Cancel(ctx) // waits for the browser's end
		listening.Wait()
	})
	return p
}

// chromium is the path of the browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium found; on Debian: apt-get install -y chromium")
	return ""
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// shows waits until an element's text satisfies the rest of an expression that begins with it.
func (p *tab) shows(selector, satisfies string) {
	p.t.Helper()
	condition := fmt.Sprintf(`!!((document.querySelector(%q)?.textContent ?? "")%s)`, selector, satisfies)
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](condition)); err != nil {
		got, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.textContent ?? "no such element"`, selector)))
		p.t.Fatalf("%s shows %q, want it %s: %v", selector, got, satisfies, err)
	}
}

// complaints are what the browser wrote to its console and that is not from one of the sources given. What the
// policy forbids, what throws and what does not load all end there.
func (p *tab) complaints(except ...string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, m := range p.messages {
		if !strings.Contains(strings.Join(except, " "), m.Source) {
			all = append(all, fmt.Sprintf("%s %s %s %s", m.Type, m.Source, m.URL, m.Text))
		}
	}
	return all
}

// picture keeps what the page looked like when the test failed.
func (p *tab) picture() {
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return // a browser that is gone shows nothing
	}
	file := filepath.Join(p.t.ArtifactDir(), "page.png")
	if err := os.WriteFile(file, png, 0o600); err == nil {
		p.t.Logf("the page when it failed: %s (kept with -artifacts)", file)
	}
}
