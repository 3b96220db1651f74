package stats

import (
	"net"
	"sync"
)

// atMost closes what comes while so many connections are open. (A listener that stops to accept would leave whoever
// comes then without an answer, and without the knowledge that there is none.)
func atMost(n int, l net.Listener) net.Listener {
	return limited{Listener: l, open: make(chan struct{}, n)}
}

type limited struct {
	net.Listener
	open chan struct{} // holds one for each
}

// Accept implements net.Listener.
func (l limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.open <- struct{}{}:
			return &counted{Conn: c, end: sync.OnceFunc(func() { <-l.open })}, nil
		default:
			_ = c.Close()
		}
	}
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	end func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.end()
	return c.Conn.Close()
}
