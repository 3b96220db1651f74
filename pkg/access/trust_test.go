package access

import (
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// handshake is how a client of that configuration finds a server with c's certificate.
func handshake(t *testing.T, c Config, dial *tls.Config) error {
	t.Helper()
	config, err := c.TLS(slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server := tls.Server(theirs, config)
		_ = server.HandshakeContext(t.Context()) // the client says what it thinks of it
		_ = theirs.Close()
	}()
	err = tls.Client(ours, dial).HandshakeContext(t.Context())
	_ = ours.Close()
	<-ended
	return err
}

func TestDialTLS(t *testing.T) {
	ours, others := files(t), files(t)
	trusting := func(ca string) *tls.Config {
		c, err := DialTLS(ca)
		if err != nil {
			t.Fatal(err)
		}
		c = c.Clone()
		c.ServerName = "stats.example"
		return c
	}
	if err := handshake(t, ours, trusting(ours.TLSCert)); err != nil {
		t.Errorf("its own authority: %v", err)
	}
	if handshake(t, ours, trusting(others.TLSCert)) == nil || handshake(t, ours, trusting(SystemCA)) == nil {
		t.Error("another authority is enough")
	}
	if err := handshake(t, ours, ours.DialOwn()); err != nil {
		t.Errorf("its own certificate: %v", err)
	}
	if handshake(t, ours, others.DialOwn()) == nil {
		t.Error("another certificate is enough")
	}
	if c, err := DialTLS(""); c != nil || err != nil || (Config{}).DialOwn() != nil {
		t.Error("TLS is spoken where none was asked for")
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".not"} {
		if _, err := DialTLS(file); err == nil {
			t.Errorf("%s holds an authority", file)
		}
	}
}
