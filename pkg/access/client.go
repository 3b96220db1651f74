package access

import (
	"net/http"
	"net/netip"
	"strings"
)

// Client is where a request comes from.
type Client struct {
	// Address is the client's own, or the nearest to it that can be believed. It is invalid for what has none: a
	// socket file.
	Address netip.Addr
	// Loopback: the request comes from this machine, and nobody passed it on.
	Loopback bool
}

// LimitKey is what a client is counted under: its address, and of IPv6 its network of 64 bits, in which one host may
// have as many addresses as it likes.
func (c Client) LimitKey() netip.Addr {
	if !c.Address.Is6() {
		return c.Address
	}
	p, err := c.Address.Prefix(64)
	if err != nil {
		return c.Address
	}
	return p.Addr()
}

// ClientOf says where a request comes from. One that was forwarded is never of this machine, whatever it claims.
// What a trusted proxy says of its client is believed; X-Forwarded-For goes before Forwarded, of which a proxy that
// writes the other may pass on what it got.
func (r *Rules) ClientOf(req *http.Request) Client {
	var peer netip.Addr
	if ap, err := netip.ParseAddrPort(req.RemoteAddr); err == nil {
		peer = ap.Addr()
	}
	return r.ClientAt(peer, req.Header)
}

// ClientAt is ClientOf, for a peer and its headers, whose names are canonical.
func (r *Rules) ClientAt(peer netip.Addr, header http.Header) Client {
	peer = plain(peer)
	if !forwarded(header) {
		return Client{Address: peer, Loopback: peer.IsLoopback()}
	}
	if hops := header.Values("X-Forwarded-For"); len(hops) > 0 {
		return Client{Address: r.walk(peer, hops, parseHop)}
	}
	return Client{Address: r.walk(peer, header.Values("Forwarded"), parseForwarded)}
}

// forwarded says whether somebody passed a request on, or claims so. Via and X-Real-Ip are those of proxies that were
// not told to say for whom.
func forwarded(header http.Header) bool {
	for name := range header {
		switch {
		case name == "Forwarded", name == "Via", name == "X-Real-Ip", strings.HasPrefix(name, "X-Forwarded-"):
			return true
		}
	}
	return false
}

// walk goes from hop to hop, each of which names the one before it, back to the first that is not trusted: what that
// one says is its own affair. Where a hop names none that can be read, the walk ends at it.
func (r *Rules) walk(at netip.Addr, hops []string, parse func(string) (netip.Addr, bool)) netip.Addr {
	left := strings.Join(hops, ",")
	for more := left != ""; more && r.Trusts(at); {
		var last string
		if i := strings.LastIndexByte(left, ','); i >= 0 {
			left, last = left[:i], left[i+1:]
		} else {
			last, more = left, false
		}
		before, ok := parse(strings.TrimSpace(last))
		if !ok {
			break
		}
		at = before
	}
	return at
}

// Trusts says whether an address is one of --trusted-proxies.
func (r *Rules) Trusts(a netip.Addr) bool {
	for _, p := range r.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// parseHop reads an address as X-Forwarded-For has it, with a port or without.
func parseHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return plain(a), true
	}
	ap, err := netip.ParseAddrPort(s)
	return plain(ap.Addr()), err == nil
}

// parseForwarded reads one element of Forwarded (RFC 7239): for="[2001:db8::1]:4711";proto=https.
func parseForwarded(element string) (netip.Addr, bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "for") {
			return parseHop(strings.Trim(value, `"`))
		}
	}
	return netip.Addr{}, false
}

// plain is an address in one form: IPv4 as IPv4, and no zone.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
