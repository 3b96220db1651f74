package access

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Config is what a process is told about who may do what. The zero Config serves this machine only, until there are
// keys, and then those who show one.
type Config struct {
	AllowAnonymous      bool     `name:"allow-anonymous" help:"Let everyone send and read without a key. Without it only this machine is served, and from the first key on nobody without one."`
	AllowAnonymousAdmin bool     `name:"allow-anonymous-admin" help:"Let everyone debug and control without a key, too."`
	TrustedProxies      []string `name:"trusted-proxies" placeholder:"NET" help:"Addresses or networks (10.0.0.0/8) of the proxies in front, whose X-Forwarded-For is believed."`
	CORSOrigins         []string `name:"cors-origins" placeholder:"ORIGIN" help:"Origins of other pages that may call this server from a browser: https://shop.example."`
	Hosts               []string `name:"hosts" placeholder:"NAME" help:"Names, beside this machine's own, under which this server is reached without a key; any other name is a page that was rebound to this address."`
	TLSCert             string   `name:"tls-cert" placeholder:"FILE" help:"Speak TLS, with the certificates (PEM) of this file. It is read again when it changes."`
	TLSKey              string   `name:"tls-key" placeholder:"FILE" help:"The private key (PEM) of --tls-cert."`
}

// Check returns all faults at once, each with the name of its flag.
func (c Config) Check() error {
	_, err := c.Rules("")
	faults := []error{err}
	if c.AllowAnonymousAdmin && !c.AllowAnonymous {
		faults = append(faults, errors.New("--allow-anonymous-admin: it goes with --allow-anonymous"))
	}
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
	case c.TLSKey == "":
		faults = append(faults, errors.New("--tls-key: it is missing; --tls-cert goes with it"))
	case c.TLSCert == "":
		faults = append(faults, errors.New("--tls-cert: it is missing; --tls-key goes with it"))
	default:
		if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
			faults = append(faults, fmt.Errorf("--tls-cert, --tls-key: %w", err))
		}
	}
	return errors.Join(faults...)
}

// Rules are a Config that was read, and the internal key; empty: there is none. The error holds all faults.
func (c Config) Rules(internalKey string) (*Rules, error) {
	r := &Rules{internal: internalKey, hosts: map[string]bool{}, origins: map[string]bool{}}
	if c.AllowAnonymous {
		r.everyone = Publish | Read
	}
	if c.AllowAnonymousAdmin {
		r.everyone |= Admin
	}
	return r, errors.Join(
		each("--trusted-proxies", c.TrustedProxies, r.trust),
		each("--cors-origins", c.CORSOrigins, r.befriend),
		each("--hosts", c.Hosts, r.answerTo))
}

// each reads the parts of a list, and names the flag in each fault.
func each(flag string, list []string, read func(string) error) error {
	var faults []error
	for _, s := range list {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if err := read(s); err != nil {
			faults = append(faults, fmt.Errorf("%s: %.100q %w", flag, s, err))
		}
	}
	return errors.Join(faults...)
}

// trust reads an address or a network of proxies.
func (r *Rules) trust(s string) error {
	if a, err := netip.ParseAddr(s); err == nil {
		a = plain(a)
		r.proxies = append(r.proxies, netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return errors.New("is neither an address nor a network such as 10.0.0.0/8")
	}
	if p.Bits() == 0 {
		return errors.New("trusts everyone: who is trusted may claim any address")
	}
	r.proxies = append(r.proxies, p.Masked())
	return nil
}

// befriend reads an origin.
func (r *Rules) befriend(s string) error {
	if err := new(http.CrossOriginProtection).AddTrustedOrigin(s); err != nil {
		return errors.New("is no origin such as https://shop.example or http://localhost:5173")
	}
	r.origins[strings.ToLower(s)] = true
	return nil
}

// answerTo reads a name of this server.
func (r *Rules) answerTo(s string) error {
	name, _ := hostname(s)
	if _, _, err := net.SplitHostPort(s); err == nil || name == "" || strings.ContainsAny(s, "*/ ") {
		return errors.New("is no name or address without a port")
	}
	r.hosts[name] = true
	return nil
}
