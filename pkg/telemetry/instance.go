package telemetry

import (
	"crypto/rand"
	"os"
	"strings"
	"time"
)

// Version of the build. The linker sets it (-X millrace.dev/pkg/telemetry.Version=v1.2.3); it is the one variable of
// this package, and nothing writes it at run time.
var Version = "dev"

// Instance is one start of one service.
type Instance struct {
	ID      string // unique for ever; lower-case letters, digits and hyphens, so it may be part of a key in Redis
	Service string // gateway, worker, stats
	Version string
	Started time.Time
}

// NewInstance names a service that starts now: gateway-<host>-<random>.
func NewInstance(service string) Instance {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	suffix := strings.ToLower(rand.Text()[:10]) // 50 bits
	return Instance{
		ID:      service + "-" + shortHost(host) + "-" + suffix,
		Service: service,
		Version: Version,
		Started: time.Now(),
	}
}

// shortHost is a host's name up to the first dot, at most 20 characters, and what a key can't take replaced.
func shortHost(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ".")
	host = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, host)
	host = strings.Trim(host[:min(len(host), 20)], "-")
	if host == "" {
		return "host"
	}
	return host
}
