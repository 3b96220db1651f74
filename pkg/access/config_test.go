package access

import (
	"strings"
	"testing"
)

func TestConfigCheckNamesEveryFault(t *testing.T) {
	c := Config{
		AllowAnonymousAdmin: true, TrustedProxies: []string{"nginx", "0.0.0.0/0", " 10.0.0.1 "},
		CORSOrigins: []string{"*", "shop.example", "https://shop.example/path", "https://ok.example"},
		Hosts:       []string{"*.example", "mill.example:8000", "https://mill.example", "ok.example", ""},
		TLSCert:     "cert.pem",
	}
	err := c.Check()
	if err == nil {
		t.Fatal("nothing is wrong with it")
	}
	for _, fault := range []string{
		`--trusted-proxies: "nginx"`, `--trusted-proxies: "0.0.0.0/0"`, `--cors-origins: "*"`, `--cors-origins: "shop.example"`,
		`--cors-origins: "https://shop.example/path"`, `--hosts: "*.example"`, `--hosts: "mill.example:8000"`,
		`--hosts: "https://mill.example"`, "--allow-anonymous-admin", "--tls-key: it is missing",
	} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("%s is not named", fault)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 10 {
		t.Errorf("%d faults:\n%v", n, err)
	}
	for _, c := range []Config{{}, wide, {TrustedProxies: []string{"10.0.0.0/8", "::1"}, Hosts: []string{"[::1]", "gateway"}}} {
		if err := c.Check(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := (Config{TLSCert: "no-such.pem", TLSKey: "no-such.pem"}).Check(); err == nil || !strings.Contains(err.Error(), "--tls-cert") {
		t.Errorf("no files: %v", err)
	}
	if err := (Config{TLSKey: "key.pem"}).Check(); err == nil || !strings.Contains(err.Error(), "--tls-cert: it is missing") {
		t.Errorf("a key alone: %v", err)
	}
}
