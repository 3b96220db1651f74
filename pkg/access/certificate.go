package access

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often, at most, a handshake looks whether the files of the certificate have changed.
const lookEvery = time.Second

// TLS is how a server speaks it, or nil if it was not asked for. The files are read again when they change; while what
// is in them does not fit together, the pair before it serves.
func (c Config) TLS(log *slog.Logger) (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	p := &pair{certFile: c.TLSCert, keyFile: c.TLSKey, log: log}
	if err := p.load(p.stat()); err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.current(time.Now()), nil },
	}, nil
}

// pair is a certificate with its key, from two files.
type pair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	serving *tls.Certificate
	loaded  version // what serving was made of
	broken  version // what was complained about
	looked  time.Time
}

// version tells one state of the two files from another.
type version [2]struct {
	changed time.Time
	size    int64
}

func (p *pair) stat() (v version) {
	for i, name := range []string{p.certFile, p.keyFile} {
		if f, err := os.Stat(name); err == nil {
			v[i].changed, v[i].size = f.ModTime(), f.Size()
		}
	}
	return v
}

// current is the newest pair that fits together.
func (p *pair) current(now time.Time) *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.looked) < lookEvery {
		return p.serving
	}
	p.looked = now
	v := p.stat()
	if v == p.loaded {
		return p.serving
	}
	switch err := p.load(v); {
	case err == nil:
		p.log.Info("the TLS certificate was read again", "file", p.certFile)
	case v != p.broken: // once for each state of the files; one file may still be on its way
		p.broken = v
		p.log.Warn("the new TLS certificate can't be used: the one before it serves on", "error", err.Error())
	}
	return p.serving
}

// load reads the files. The version was taken before: what changes in between is read again.
func (p *pair) load(v version) error {
	c, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return err
	}
	p.serving, p.loaded = &c, v
	return nil
}
