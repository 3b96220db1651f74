package access

import (
	"strings"
	"testing"
	"time"
)

func mint(t *testing.T, name string, scopes Scope) (Key, string) {
	t.Helper()
	k, token, err := Mint(name, scopes, "root", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return k, token
}

func TestRingFindsOnlyWhatItHolds(t *testing.T) {
	shop, shopToken := mint(t, "shop", Publish)
	_, otherToken := mint(t, "other", All)
	r := NewRing([]Key{shop})
	if k, ok := r.Find(shopToken); !ok || k.Name != "shop" || !k.Scopes.Has(Publish) || k.Scopes.Has(Read) {
		t.Errorf("the key is found as %+v, %v", k, ok)
	}
	for what, token := range map[string]string{
		"another key": otherToken, "nothing": "", "an id alone": "mr_" + shop.ID + "_",
		"another secret": shopToken[:len(shopToken)-1] + "?", "a prefix": shopToken[:20], "the hash": string(shop.Hash[:]),
	} {
		if k, ok := r.Find(token); ok {
			t.Errorf("%s opens %+v", what, k)
		}
	}
	var none *Ring
	if _, ok := none.Find(shopToken); ok || !none.Empty() || none.Holds(shop.ID) || !r.Holds(shop.ID) || r.Empty() {
		t.Error("an empty ring holds something, or a full one nothing")
	}
}

// What is kept does not show the token, and tokens differ.
func TestMint(t *testing.T) {
	k, token := mint(t, "shop", Publish|Read)
	_, again := mint(t, "shop", Publish|Read)
	if token == again || !strings.HasPrefix(token, "mr_"+k.ID+"_") || len(token) < 30 {
		t.Errorf("tokens %q and %q", token, again)
	}
	if strings.ContainsFunc(token, func(c rune) bool { return c > 'z' || c < '0' }) {
		t.Errorf("%q can't be a subprotocol", token)
	}
	for _, name := range []string{"", "a b", "ü", "a/b", strings.Repeat("x", 65), "internal", "Anonymous", ".", ".."} {
		if _, _, err := Mint(name, All, "", time.Now()); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
	if _, _, err := Mint("shop", None, "", time.Now()); err == nil {
		t.Error("a key without scopes is made")
	}
}

// Records tell keys of one name apart, and none from who has no key.
func TestBy(t *testing.T) {
	for want, c := range map[string]Credential{
		"shop (k3y)": {ID: "k3y", Name: "shop"}, "internal": {Name: "internal", Internal: true},
		"this machine": {Client: Client{Loopback: true}}, "anonymous": {},
	} {
		if got := c.By(); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}

func TestScopes(t *testing.T) {
	s, err := ParseScopes("publish", "admin")
	if err != nil || s != Publish|Admin || s.String() != "publish,admin" {
		t.Errorf("%v, %v", s, err)
	}
	for _, names := range [][]string{nil, {"root"}, {"publish", ""}} {
		if s, err := ParseScopes(names...); err == nil {
			t.Errorf("%q becomes %v", names, s)
		}
	}
	if !All.Has(Publish|Read) || Read.Has(Admin) || !Read.Has(None) {
		t.Error("Has is wrong")
	}
}
