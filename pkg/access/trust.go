package access

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// SystemCA stands for the certificate authorities that the machine trusts.
const SystemCA = "system"

// DialTLS is how a server is called whose certificate is of the authorities in a file (PEM), or of SystemCA; nil, which
// is without TLS, if nothing is named.
func DialTLS(caFile string) (*tls.Config, error) {
	switch caFile {
	case "":
		return nil, nil
	case SystemCA:
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	text, err := os.ReadFile(caFile) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", caFile)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil
}

// DialOwn is how a process calls a server of its own, which has c's certificate: under an address that is not in it.
// So that very certificate is asked for, whatever names it has. Nil, which is without TLS, if there is none.
func (c Config) DialOwn() *tls.Config {
	if c.TLSCert == "" {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection asks for more: the one certificate that is ours
		VerifyConnection: func(s tls.ConnectionState) error {
			own, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
			if err != nil {
				return err
			}
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, own.Certificate[0]) {
				return errors.New("the server's certificate is not that of --tls-cert")
			}
			return nil
		},
	}
}
