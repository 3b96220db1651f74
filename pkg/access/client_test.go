package access

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClientOf(t *testing.T) {
	r := rules(t, Config{TrustedProxies: []string{"10.0.0.0/8", "127.0.0.1", "fd00::/8", "::ffff:192.0.2.1"}}, "")
	type headers = map[string][]string
	for _, c := range []struct {
		name, remote string
		header       headers
		want         string
		loopback     bool
	}{
		{"directly", "203.0.113.7:4711", nil, "203.0.113.7", false},
		{"from here", "127.0.0.1:4711", nil, "127.0.0.1", true},
		{"from here, IPv6", "[::1]:4711", nil, "::1", true},
		{"from here, IPv4 in IPv6", "[::ffff:127.0.0.1]:4711", nil, "127.0.0.1", true},
		{"a zone", "[fe80::1%eth0]:4711", nil, "fe80::1", false},
		{"no address", "@", nil, "invalid IP", false},
		{"forged, not through a proxy", "203.0.113.7:1", headers{"X-Forwarded-For": {"127.0.0.1"}}, "203.0.113.7", false},
		{"forged from here, untrusted", "[::1]:1", headers{"X-Forwarded-For": {"10.0.0.1"}}, "::1", false},
		{"a proxy here", "127.0.0.1:1", headers{"X-Forwarded-For": {"203.0.113.7"}}, "203.0.113.7", false},
		{"a proxy here claims this machine", "127.0.0.1:1", headers{"X-Forwarded-For": {"::1"}}, "::1", false},
		{"forged left of the true one", "10.0.0.2:1", headers{"X-Forwarded-For": {"127.0.0.1, 8.8.8.8, 203.0.113.7"}}, "203.0.113.7", false},
		{"two proxies", "10.0.0.2:1", headers{"X-Forwarded-For": {"8.8.8.8, 203.0.113.7, 10.0.0.3"}}, "203.0.113.7", false},
		{"two headers", "10.0.0.2:1", headers{"X-Forwarded-For": {"8.8.8.8", "203.0.113.7"}}, "203.0.113.7", false},
		{"all trusted", "10.0.0.2:1", headers{"X-Forwarded-For": {"10.0.0.9, 10.0.0.3"}}, "10.0.0.9", false},
		{"with a port", "10.0.0.2:1", headers{"X-Forwarded-For": {"203.0.113.7:5000"}}, "203.0.113.7", false},
		{"IPv6 with a port", "10.0.0.2:1", headers{"X-Forwarded-For": {"[2001:db8::7]:5000"}}, "2001:db8::7", false},
		{"IPv4 in IPv6", "10.0.0.2:1", headers{"X-Forwarded-For": {"::ffff:203.0.113.7"}}, "203.0.113.7", false},
		{"trusted IPv4 in IPv6", "192.0.2.1:1", headers{"X-Forwarded-For": {"203.0.113.7"}}, "203.0.113.7", false},
		{"rubbish", "10.0.0.2:1", headers{"X-Forwarded-For": {"203.0.113.7, unknown"}}, "10.0.0.2", false},
		{"empty", "10.0.0.2:1", headers{"X-Forwarded-For": {""}}, "10.0.0.2", false},
		{"only a proto", "127.0.0.1:1", headers{"X-Forwarded-Proto": {"https"}}, "127.0.0.1", false},
		{"only Via", "127.0.0.1:1", headers{"Via": {"1.1 proxy"}}, "127.0.0.1", false},
		{"only X-Real-IP", "127.0.0.1:1", headers{"X-Real-Ip": {"127.0.0.1"}}, "127.0.0.1", false},
		{"Forwarded", "10.0.0.2:1", headers{"Forwarded": {`for=8.8.8.8, for="[2001:db8::7]:4711";proto=https`}}, "2001:db8::7", false},
		{"Forwarded, any case and order", "10.0.0.2:1", headers{"Forwarded": {`proto=http; FOR=203.0.113.7 ;by=10.0.0.2`}}, "203.0.113.7", false},
		{"Forwarded, hidden", "10.0.0.2:1", headers{"Forwarded": {`for=203.0.113.7, for=_hidden`}}, "10.0.0.2", false},
		{"Forwarded, a quote left open", "10.0.0.2:1", headers{"Forwarded": {`for="127.0.0.1, for=203.0.113.7`}}, "203.0.113.7", false},
		{"Forwarded, untrusted", "203.0.113.7:1", headers{"Forwarded": {"for=127.0.0.1"}}, "203.0.113.7", false},
		{"both: what a proxy passed on counts nothing", "10.0.0.2:1",
			headers{"Forwarded": {"for=127.0.0.1"}, "X-Forwarded-For": {"203.0.113.7"}}, "203.0.113.7", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := r.ClientOf(&http.Request{RemoteAddr: c.remote, Header: c.header})
			if got.Address.String() != c.want || got.Loopback != c.loopback {
				t.Errorf("got %v, loopback %v; want %s, %v", got.Address, got.Loopback, c.want, c.loopback)
			}
		})
	}
}

func TestLimitKey(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "2001:db8:1:2::9": "2001:db8:1:2::",
	} {
		if got := (Client{Address: netip.MustParseAddr(address)}).LimitKey(); got.String() != want {
			t.Errorf("%s counts as %v", address, got)
		}
	}
	if k := (Client{}).LimitKey(); k.IsValid() {
		t.Errorf("no address counts as %v", k)
	}
}

// Who carries no credential may do nothing.
func TestFromNowhere(t *testing.T) {
	if c := From(t.Context()); c.Scopes != None || !c.Anonymous() || c.Client.Loopback {
		t.Errorf("%+v", c)
	}
	c := Credential{ID: "1", Name: "shop", Scopes: Publish, Client: outside}
	if got := From(With(t.Context(), c)); got != c || got.By() != "shop (1)" {
		t.Errorf("%+v", got)
	}
	if (Credential{Client: here}).By() != "this machine" || (Credential{Client: outside}).By() != "anonymous" {
		t.Error("those without a key are recorded otherwise")
	}
}
