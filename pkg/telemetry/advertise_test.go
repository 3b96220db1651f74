package telemetry

import (
	"net"
	"os"
	"testing"
)

func TestAdvertised(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set, listening, want string
	}{
		{"", "127.0.0.1:8000", "127.0.0.1:8000"},
		{"", "[::1]:8000", "[::1]:8000"},
		{"", "0.0.0.0:8000", host + ":8000"},
		{"", "[::]:8000", host + ":8000"},
		{"mill.example:80", "[::]:8000", "mill.example:80"},
	} {
		listening, err := net.ResolveTCPAddr("tcp", c.listening)
		if err != nil {
			t.Fatal(err)
		}
		if got := Advertised(c.set, listening); got != c.want {
			t.Errorf("listening on %s, set to %q: %s, want %s", c.listening, c.set, got, c.want)
		}
	}
	if socket := (&net.UnixAddr{Name: "/run/mill", Net: "unix"}); Advertised("", socket) != "/run/mill" {
		t.Errorf("a socket file is advertised as %s", Advertised("", socket))
	}
}
