package gateway

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream/control"
	"millrace.dev/services/gateway/limit"
)

// spareConnections is how many connections there may be beside those that can still become WebSockets: for the page,
// for requests, and for operators while all the places of WebSockets are taken.
const spareConnections = 1024

// doorman is a listener that bounds the connections that are no WebSockets (yet): over all, and of an address. Who is
// beyond that is hung up on before a byte is read. WebSockets have bounds of their own (Gateway.letIn).
type doorman struct {
	net.Listener
	// limits are those that hold now; webSockets is how many of them are open.
	limits     func() limit.Set
	webSockets func() int
	// addressOf is what a connection is counted under, beside all; not valid: nothing.
	addressOf func(net.Conn) netip.Addr
	// refused hears of each that is over a limit, and says whether it is hung up on.
	refused func(net.Conn, *event.Refusal) bool
	log     *slog.Logger

	mu        sync.Mutex
	open      int
	addresses map[netip.Addr]int
	failures  once
	refusals  once
}

// The two reasons for which a connection is hung up on.
var (
	refuseConnection   = event.Refuse(codeOverloaded, "as many connections are open as there may be")
	refuseOfThisClient = event.Refuse(codeOverloaded, "as many connections are open from this address as there may be")
)

// Accept implements net.Listener. That there are no file descriptors left is said in the log here, and not by net/http,
// whose log is for what peers do.
func (d *doorman) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				d.say(&d.failures, "a connection can't be accepted", err.Error())
			}
			return nil, err
		}
		if why := d.enter(c); why != nil {
			d.say(&d.refusals, "a connection is refused", why.Message)
			_ = c.Close()
			continue
		}
		return c, nil
	}
}

// say logs at most once a second, and how much was left out.
func (d *doorman) say(o *once, what, why string) {
	d.mu.Lock()
	left, say := o.aSecond(time.Now())
	d.mu.Unlock()
	if say {
		d.log.Warn(what, "error", why, "not_logged", left)
	}
}

// enter counts a connection, or says why it is hung up on.
func (d *doorman) enter(c net.Conn) *event.Refusal {
	limits, webSockets, address := d.limits(), d.webSockets(), d.addressOf(c)
	why := d.over(limits, webSockets, address)
	if why != nil && d.refused(c, why) {
		return why
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	if address.IsValid() {
		d.addresses[address]++
	}
	return nil
}

func (d *doorman) over(limits limit.Set, webSockets int, address netip.Addr) *event.Refusal {
	most, ofAddress := limits[control.Connections], limits[control.ConnectionsPerAddress]
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case most > 0 && float64(d.open) >= max(0, most-float64(webSockets))+spareConnections:
		return refuseConnection
	case address.IsValid() && ofAddress > 0 && float64(d.addresses[address]) >= ofAddress:
		return refuseOfThisClient
	}
	return nil
}

// watch is http.Server.ConnState: a connection that is closed, or a WebSocket, is not counted here any more. Each is
// one of both, once.
func (d *doorman) watch(c net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	address := d.addressOf(c)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if !address.IsValid() {
		return
	}
	if d.addresses[address]--; d.addresses[address] == 0 {
		delete(d.addresses, address)
	}
}

// once lets something through once a second, and counts the rest.
type once struct {
	last time.Time
	left int
}

func (o *once) aSecond(now time.Time) (left int, yes bool) {
	if now.Sub(o.last) < time.Second {
		o.left++
		return 0, false
	}
	left, o.left, o.last = o.left, 0, now
	return left, true
}

// newDoorman guards a listener by this gateway's limits.
func (p *process) newDoorman(l net.Listener) *doorman {
	flags := p.config.Rates.Under(nil)
	return &doorman{
		Listener: l, log: p.log, addresses: map[netip.Addr]int{}, addressOf: p.countedAddress, refused: p.hangUp,
		limits: func() limit.Set {
			if g := p.gateway.Load(); g != nil {
				return g.meters.Limits()
			}
			return flags
		},
		webSockets: func() int {
			if g := p.gateway.Load(); g != nil {
				return g.connections.count()
			}
			return 0
		},
	}
}

// countedAddress is the address that a connection is counted under. This machine's own are not, nor are proxies: they
// bring many.
func (p *process) countedAddress(c net.Conn) netip.Addr {
	client := peerOf(p.rules, c)
	if client.Loopback || p.rules.Trusts(client.Address) {
		return netip.Addr{}
	}
	return client.LimitKey()
}

func peerOf(rules *access.Rules, c net.Conn) access.Client {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return access.Client{}
	}
	return rules.ClientAt(at.Addr(), nil)
}

// hangUp counts a connection that is over a limit, and says whether it ends: not where limits only count.
func (p *process) hangUp(c net.Conn, why *event.Refusal) bool {
	g := p.gateway.Load()
	if g == nil {
		return !p.config.Rates.DryRun
	}
	if g.overLimit(why) == nil {
		return false
	}
	g.turnedAway(&sender{path: "tcp", credential: access.Credential{Client: peerOf(p.rules, c)}}, why, "")
	return true
}
