package telemetry

import (
	"net"
	"os"
)

// Advertised is the address, host:port, under which other processes reach one that listens on listening: the one that
// was set, if any; else listening itself, with the host's name in place of "all addresses" (0.0.0.0, ::), which lead
// nowhere from another machine. In a container that name is one which its network resolves.
func Advertised(set string, listening net.Addr) string {
	if set != "" {
		return set
	}
	tcp, ok := listening.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return listening.String()
	}
	host, err := os.Hostname()
	if err != nil {
		return listening.String()
	}
	_, port, _ := net.SplitHostPort(listening.String())
	return net.JoinHostPort(host, port)
}
