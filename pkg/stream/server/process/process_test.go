package process

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProgramThatEnds(t *testing.T) {
	for code, says := range map[string]string{"0": "", "3": "exit status 3"} {
		p, err := Start(exec.Command("sh", "-c", "exit "+code))
		if err != nil {
			t.Fatal(err)
		}
		err = p.Err()
		if got := errorText(err); got != says {
			t.Errorf("exit %s: %q, want %q", code, got, says)
		}
		if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("a signal after the end: %v", err)
		}
		p.Kill() // nothing left to do
	}
}

func TestProgramThatIsMissing(t *testing.T) {
	if _, err := Start(exec.Command("/does/not/exist")); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("Start: %v, want what could not be started", err)
	}
}

func TestKillEndsAStoppedProgram(t *testing.T) {
	p, err := Start(exec.Command("sleep", "60"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Error(err)
	}
	p.Kill()
	if got := errorText(p.Err()); got != "signal: killed" {
		t.Errorf("it ended by %q", got)
	}
}

// What the program started may outlive it, with its output open: that must not hold us up.
func TestOutputThatStaysOpen(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 60 & echo $!")
	var out strings.Builder
	cmd.Stdout = io.Writer(&out)
	p, err := Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); !errors.Is(err, exec.ErrWaitDelay) {
		t.Errorf("Err: %v, want that the output stayed open", err)
	}
	// A process group of its own: whatever is left of it goes at once.
	if err := syscall.Kill(-p.PID(), syscall.SIGKILL); err != nil {
		t.Errorf("ending the group: %v", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
