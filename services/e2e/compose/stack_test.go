//go:build compose

package compose_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// root is the repository, seen from this package.
const root = "../../.."

// stack is a running copy of docker-compose.yml under a project name of its own.
type stack struct{ project string }

// up builds the images, starts the stack and waits until its health checks pass. The test's end takes it down.
func up(t *testing.T, scale ...string) stack {
	t.Helper()
	s := stack{project: fmt.Sprintf("millrace-test-%d", os.Getpid())}
	s.baseImages(t)
	s.compose(t, "--profile", "commands", "build")
	t.Cleanup(func() { s.down(t) })
	args := []string{"up", "--detach", "--wait", "--wait-timeout", "120"}
	for _, service := range scale {
		args = append(args, "--scale", service)
	}
	s.compose(t, args...)
	return s
}

// baseImages pulls what the stack is made of; where no registry can be reached it makes stand-ins.
func (s stack) baseImages(t *testing.T) {
	t.Helper()
	if out, err := s.command(t.Context(), "pull", "--quiet", "redis", "nginx").CombinedOutput(); err != nil {
		t.Logf("no registry: base images are made of this machine's own programs\n%s", out)
		run(t, exec.CommandContext(t.Context(), "./standins.sh"))
	}
}

// down removes containers and data; a test that failed shows first what the containers said.
func (s stack) down(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // the test's own context has ended
	defer cancel()
	if t.Failed() {
		out, err := s.command(ctx, "logs", "--no-color", "--tail", "100").CombinedOutput()
		t.Logf("logs (%v):\n%s", err, out)
	}
	if out, err := s.command(ctx, "down", "--volumes", "--timeout", "30").CombinedOutput(); err != nil {
		t.Errorf("down: %v\n%s", err, out)
	}
}

// crash ends the process of one container of a service and returns its id. It is killed from outside, as the kernel
// would for want of memory: what `docker kill` ends, no restart policy starts again.
func (s stack) crash(t *testing.T, service string) string {
	t.Helper()
	containers := strings.Fields(s.compose(t, "ps", "--quiet", service))
	if len(containers) < 2 {
		t.Fatalf("%s runs in %d containers: killing one would leave none", service, len(containers))
	}
	pid := inspect(t, containers[0], "{{.State.Pid}}")
	run(t, exec.CommandContext(t.Context(), "docker", "run", "--rm", "--pid", "host", "--network", "none",
		"--entrypoint", "sh", "redis:8-alpine", "-c", "kill -9 "+pid))
	return containers[0]
}

// waitRestarted waits until a container that crashed was started again and its health check passes.
func (s stack) waitRestarted(t *testing.T, container string) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		state := inspect(t, container, "{{.Name}} restarted {{.RestartCount}} times, {{.State.Health.Status}}")
		if strings.HasSuffix(state, "restarted 1 times, healthy") {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("a minute after its crash: %s", state)
		}
	}
}

// inspect asks Docker about a container.
func inspect(t *testing.T, container, format string) string {
	t.Helper()
	return strings.TrimSpace(run(t, exec.CommandContext(t.Context(), "docker", "inspect", "--format", format, container)))
}

// address is where a published port of a service is reached: 127.0.0.1:32768.
func (s stack) address(t *testing.T, service, port string) string {
	t.Helper()
	return strings.TrimSpace(s.compose(t, "port", service, port))
}

// compose runs a command of docker compose and returns what it prints.
func (s stack) compose(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, s.command(t.Context(), args...))
}

func (s stack) command(ctx context.Context, args ...string) *exec.Cmd {
	files := []string{"compose", "--project-name", s.project, "--file", root + "/docker-compose.yml", "--file", "override.yml"}
	return exec.CommandContext(ctx, "docker", append(files, args...)...)
}

// run returns what a command prints, and ends the test if it fails.
func run(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(command.Args, " "), err, out, &complaint)
	}
	return string(out)
}
