package dashboard

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"millrace.dev/pkg/access"
)

// guard lets in who shows a key of a ring, as the gateway does.
type guard struct {
	rules *access.Rules
	keys  *access.Keys
}

func (g guard) need(scope access.Scope, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, r, refusal := g.rules.Admit(g.keys.Ring(), r, scope)
		if refusal != nil {
			refusal.Write(w)
			return
		}
		ctx, end := g.keys.While(r.Context(), c)
		defer end()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// mint makes a key.
func mint(t *testing.T, scope access.Scope) (access.Key, string) {
	t.Helper()
	k, token, err := access.Mint("page", scope, "", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return k, token
}

// enter types a key and sends it with the keyboard.
func (p *tab) enter(key string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS("#key"), key+"\r"))
}

// Where a key is asked for the page asks for one, and works by it.
func TestPageAsksForAKey(t *testing.T) {
	stats := startStats(t)
	stats.find(well())
	d := New(Config{StatsAddr: stats.addr, Log: quiet()})
	run(t, d)
	rules, err := access.Config{}.Rules("")
	if err != nil {
		t.Fatal(err)
	}
	reader, token := mint(t, access.Read)
	sender, sendToken := mint(t, access.Publish)
	own := guard{rules, new(access.Keys)}
	own.keys.Set(access.NewRing([]access.Key{reader, sender}))
	g := startGuarded(t, d, own.need)
	stats.say(freshReading(2048))
	page := openTab(t)
	page.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate("http://"+g.addr+"/"))
	page.shows("#key-title", "This gateway asks for a key")

	t.Log("a wrong key, one that can't be one, and one that may not read are each named")
	page.enter("mr_guess_x")
	page.shows("#key-outcome", "The gateway does not know this key")
	page.enter(sendToken)
	page.shows("#key-outcome", "This key is valid and lacks the scope read")
	page.enter("ü")
	page.shows("#key-outcome", "The gateway does not know this key")

	t.Log("with a key there are figures, also after a reload, and the key is in no URL of the page")
	page.enter(token)
	page.shows("#total-accepted", "2,048")
	page.shows("#verdict-title", "OK: All is well")
	page.do(chromedp.Reload())
	page.shows("#total-accepted", "2,048")
	page.shows(".link-state", "Live")
	at, err := chromedp.Run(page.ctx, chromedp.Evaluate[string]("location.href + document.referrer + document.cookie"))
	if err != nil || at != "http://"+g.addr+"/" {
		t.Errorf("the page is at %s (%v)", at, err)
	}
	page.do(chromedp.Click(chromedp.CSS("#send-test")))
	page.shows("#test-outcome", "Acknowledged in ")

	t.Log("what was forgotten is not kept")
	page.do(chromedp.Click(chromedp.CSS("#forget-key")))
	page.shows("#key-title", "This gateway asks for a key")
	page.do(chromedp.Reload())
	page.shows("#key-title", "This gateway asks for a key")

	t.Log("a key that is revoked shows no figures any more")
	page.enter(token)
	page.shows("#total-accepted", "2,048")
	own.keys.Set(access.NewRing([]access.Key{sender}))
	page.shows("#key-outcome", "The gateway does not know this key")
	// That calls were refused is the browser's to report, from its network; nothing else is.
	if all := page.complaints("network"); len(all) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(all, "\n"))
	}
}

// The form fits on the narrowest phone.
func TestKeyFormFits(t *testing.T) {
	rules, err := access.Config{}.Rules("")
	if err != nil {
		t.Fatal(err)
	}
	k, _ := mint(t, access.Read)
	own := guard{rules, new(access.Keys)}
	own.keys.Set(access.NewRing([]access.Key{k}))
	g := startGuarded(t, New(Config{StatsAddr: "127.0.0.1:1", Log: quiet()}), own.need)
	page := openTab(t)
	page.do(chromedp.EmulateViewport(320, 640), chromedp.Navigate("http://"+g.addr+"/"))
	page.shows("#key-title", "This gateway asks for a key")
	page.enter("wrong")
	page.shows("#key-outcome", "The gateway does not know this key")
	for i, width := range []int64{320, 480, 768, 1280} {
		page.do(chromedp.EmulateViewport(width, 800))
		page.scheme([]string{"light", "dark"}[i%2])
		if wide := page.sticksOut(); len(wide) > 0 {
			t.Errorf("at %d pixels sticks out:\n%s", width, strings.Join(wide, "\n"))
		}
	}
}
