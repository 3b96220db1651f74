package dashboard

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

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
	if _, err := fs.Stat(dist, "web/dist/index.html"); err != nil {
		t.Fatal("the page was not built: make web")
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(cancel)
	ctx, cancel := context.WithTimeout(allocator, 2*time.Minute)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	p := &tab{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for m, err := range messages {
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
		wg.Wait()
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

// shows waits until an element's text is, or begins with, the one given.
func (p *tab) shows(selector, text string) {
	p.t.Helper()
	condition := fmt.Sprintf(`document.querySelector(%q)?.textContent.startsWith(%q)`, selector, text)
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool](condition)); err != nil {
		got, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.textContent ?? "no such element"`, selector)))
		p.t.Fatalf("%s shows %q, want %q: %v", selector, got, text, err)
	}
}

// text is what an element shows now.
func (p *tab) text(selector string) string {
	p.t.Helper()
	got, err := chromedp.Run(p.ctx, chromedp.TextContent(chromedp.CSS(selector)))
	if err != nil {
		p.t.Fatal(err)
	}
	return got
}

// scheme makes the page light or dark.
func (p *tab) scheme(name string) {
	p.t.Helper()
	feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: name}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}})
	if err != nil {
		p.t.Fatal(err)
	}
}

// complaints are what the browser wrote to its console and that is not from one of the sources given. What the
// policy forbids, what throws and what does not load all end there.
func (p *tab) complaints(except ...string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, m := range p.messages {
		if !slices.Contains(except, m.Source) {
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
