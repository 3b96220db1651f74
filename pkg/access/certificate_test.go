package access

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// certificate makes one whose serial number tells it from others.
func certificate(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"stats.example"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func write(t *testing.T, file string, content []byte, changed time.Time) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, changed, changed); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		c := Config{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}
		first, firstKey := certificate(t, 1)
		second, secondKey := certificate(t, 2)
		write(t, c.TLSCert, first, time.Unix(1, 0))
		write(t, c.TLSKey, firstKey, time.Unix(1, 0))
		var log bytes.Buffer
		config, err := c.TLS(slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil || c.Check() != nil {
			t.Fatal(err, c.Check())
		}
		serves := func(serial int64, when string) {
			t.Helper()
			got, err := config.GetCertificate(&tls.ClientHelloInfo{})
			if err != nil || got.Leaf.SerialNumber.Int64() != serial {
				t.Errorf("%s: %v serves, %v", when, got.Leaf.SerialNumber, err)
			}
		}
		serves(1, "at first")
		write(t, c.TLSCert, second, time.Unix(2, 0))
		serves(1, "within the second")
		<-time.After(lookEvery)
		serves(1, "while the key is the old one")
		<-time.After(lookEvery)
		serves(1, "still")
		if n := strings.Count(log.String(), "can't be used"); n != 1 {
			t.Errorf("complained %d times:\n%s", n, &log)
		}
		write(t, c.TLSKey, secondKey, time.Unix(2, 0))
		<-time.After(lookEvery)
		serves(2, "with both")
		if err := os.Remove(c.TLSKey); err != nil {
			t.Fatal(err)
		}
		<-time.After(lookEvery)
		serves(2, "without a key")
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
