package access

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// CheckHost refuses the request of one without a key that came under a name which is not known to be ours. A page of
// another site can have its own name point to this address (DNS rebinding); to the browser it is then the same origin,
// but the name is still that site's.
func (r *Rules) CheckHost(c Credential, host string) *Refusal {
	if !c.Anonymous() {
		return nil // a browser does not add a key by itself
	}
	name, loopback := hostname(host)
	if loopback || r.hosts[name] {
		return nil
	}
	return misdirected(name)
}

// CheckOrigin says whether a page of that origin may call host from a browser. Without an Origin it is no browser, or
// the page's own GET.
func (r *Rules) CheckOrigin(origin, host string) *Refusal {
	if origin == "" || r.Befriended(origin) {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, host) {
		return nil
	}
	return CrossOrigin
}

// Befriended says whether an origin is one of --cors-origins.
func (r *Rules) Befriended(origin string) bool { return r.origins[strings.ToLower(origin)] }

// hostname is a Host without its port, in lower case, and whether it is a name of this machine, for everyone.
func hostname(host string) (name string, loopback bool) {
	name = strings.TrimSuffix(hostOnly(host), ".")
	if a, err := netip.ParseAddr(name); err == nil {
		a = plain(a)
		return a.String(), a.IsLoopback()
	}
	return name, name == "localhost" || strings.HasSuffix(name, ".localhost")
}

func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}
