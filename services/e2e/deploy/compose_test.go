package deploy

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"millrace.dev/pkg/access"
)

// composed is what these tests read of a compose file.
type composed struct {
	Services map[string]struct {
		Command     any
		Environment map[string]string
		Labels      map[string]string
		Ports       []string
		Profiles    []string
	}
}

func read(t *testing.T, file string) (c composed) {
	t.Helper()
	text, err := os.ReadFile(root + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// rulesOf are the rules that a service of docker-compose.yml goes by.
func rulesOf(t *testing.T, environment map[string]string) access.Config {
	t.Helper()
	c := access.Config{
		AllowAnonymous:      environment["MILLRACE_ALLOW_ANONYMOUS"] == "true",
		AllowAnonymousAdmin: environment["MILLRACE_ALLOW_ANONYMOUS_ADMIN"] == "true",
		TrustedProxies:      strings.Split(environment["MILLRACE_TRUSTED_PROXIES"], ","),
		Hosts:               strings.Split(environment["MILLRACE_HOSTS"], ","),
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	return c
}

// Nobody needs a key, so nobody but this machine may reach an address.
func TestComposeIsForThisMachine(t *testing.T) {
	for _, file := range []string{"docker-compose.yml", "deploy/compose.traefik.yml"} {
		for name, service := range read(t, file).Services {
			for _, port := range service.Ports {
				if !strings.HasPrefix(port, "127.0.0.1:") {
					t.Errorf("%s: %s publishes %s", file, name, port)
				}
			}
		}
	}
	services := read(t, "docker-compose.yml").Services
	for _, name := range []string{"gateway", "stats"} {
		if c := rulesOf(t, services[name].Environment); !c.AllowAnonymous || !c.AllowAnonymousAdmin {
			t.Errorf("%s asks for keys, which nobody has yet", name)
		}
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(services["millrace"].Environment["MILLRACE_URL"], "ws://"), ":")
	if hosts := services["gateway"].Environment["MILLRACE_HOSTS"]; host == "" || !strings.Contains(","+hosts+",", ","+host+",") {
		t.Errorf("the operator's commands call %q, the gateways answer to %q", host, hosts)
	}
}

// Traefik finds the gateways by their labels, at the port where they listen, and takes nginx's place and address.
func TestTraefik(t *testing.T) {
	base, over := read(t, "docker-compose.yml").Services, read(t, "deploy/compose.traefik.yml").Services
	labels := over["gateway"].Labels
	port := labels["traefik.http.services.millrace.loadbalancer.server.port"]
	if addr := base["gateway"].Environment["MILLRACE_HTTP_ADDR"]; port == "" || addr != ":"+port {
		t.Errorf("Traefik calls port %q, gateways listen at %q", port, addr)
	}
	if labels["traefik.enable"] != "true" || labels["traefik.http.routers.millrace.rule"] == "" ||
		labels["traefik.http.services.millrace.loadbalancer.passhostheader"] != "true" {
		t.Errorf("the labels are %v", labels)
	}
	if len(over["nginx"].Profiles) == 0 || strings.Join(over["traefik"].Ports, " ") != strings.Join(base["nginx"].Ports, " ") {
		t.Error("nginx and Traefik both start, or at other addresses")
	}
	entry := labels["traefik.http.routers.millrace.entrypoints"]
	command, _ := over["traefik"].Command.([]any)
	listens, insecure := false, false
	for _, argument := range command {
		text, _ := argument.(string)
		listens = listens || text == "--entrypoints."+entry+".address=:8000"
		insecure = insecure || strings.Contains(text, "insecure") || strings.HasPrefix(text, "--accesslog")
	}
	if !listens || insecure {
		t.Errorf("Traefik is started with %v", command)
	}
	if hosts := rulesOf(t, over["gateway"].Environment).Hosts; strings.Join(hosts, " ") != "traefik gateway" ||
		!strings.HasPrefix(over["millrace"].Environment["MILLRACE_URL"], "ws://traefik:") {
		t.Errorf("gateways answer to %v", hosts)
	}
}
