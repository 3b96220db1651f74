package access

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace.dev/pkg/access/accesstest"
)

// files is a configuration with a certificate of its own.
func files(t *testing.T) Config {
	t.Helper()
	var c Config
	c.TLSCert, c.TLSKey = accesstest.Certificate(t)
	return c
}

// put copies a file over another, which then has changed at that time.
func put(t *testing.T, file, from string, changed time.Time) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, changed, changed); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, first, second := files(t), files(t), files(t)
		put(t, c.TLSCert, first.TLSCert, time.Unix(1, 0))
		put(t, c.TLSKey, first.TLSKey, time.Unix(1, 0))
		var log bytes.Buffer
		config, err := c.TLS(slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil || c.Check() != nil {
			t.Fatal(err, c.Check())
		}
		serves := func(want Config, when string) {
			t.Helper()
			own, err := tls.LoadX509KeyPair(want.TLSCert, want.TLSKey)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := config.GetCertificate(nil); err != nil || !got.Leaf.Equal(own.Leaf) {
				t.Errorf("%s: another one serves, %v", when, err)
			}
		}
		serves(first, "at first")
		put(t, c.TLSCert, second.TLSCert, time.Unix(2, 0))
		serves(first, "within the second")
		<-time.After(lookEvery)
		serves(first, "while the key is the old one")
		<-time.After(lookEvery)
		serves(first, "still")
		if n := strings.Count(log.String(), "can't be used"); n != 1 {
			t.Errorf("complained %d times:\n%s", n, &log)
		}
		put(t, c.TLSKey, second.TLSKey, time.Unix(2, 0))
		<-time.After(lookEvery)
		serves(second, "with both")
		if err := os.Remove(c.TLSKey); err != nil {
			t.Fatal(err)
		}
		<-time.After(lookEvery)
		serves(second, "without a key")
		if strings.Contains(log.String(), "PRIVATE") || !strings.Contains(log.String(), "read again") {
			t.Errorf("the log is\n%s", &log)
		}
	})
}

func TestNoTLSWithoutFiles(t *testing.T) {
	if config, err := (Config{}).TLS(slog.Default()); config != nil || err != nil {
		t.Errorf("%v, %v", config, err)
	}
}
