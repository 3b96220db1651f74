package lifecycle

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// waitForSignals is the child: it says when it listens and when it was asked to stop, and then takes for ever.
func waitForSignals() {
	ctx, stop := Signals(context.Background())
	defer stop()
	fmt.Println("up")
	<-ctx.Done()
	fmt.Println("stopping:", context.Cause(ctx))
	select {}
}

func TestSecondSignalKills(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			// A test run in the background may have SIGINT ignored, which children inherit; a handled signal they
			// don't.
			handled := make(chan os.Signal, 1)
			signal.Notify(handled, sig)
			defer signal.Stop(handled)
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), asChild+"=1")
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			say(t, lines, "up")
			signalTo(t, child, sig)
			say(t, lines, "stopping: "+sig.String())
			signalTo(t, child, sig)
			err = child.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != sig {
				t.Errorf("the second signal: %v, want killed by %v", err, sig)
			}
		})
	}
}

func say(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
		t.Fatalf("child says %q, want %q", lines.Text(), want)
	}
}

func signalTo(t *testing.T, child *exec.Cmd, sig syscall.Signal) {
	t.Helper()
	if err := child.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func TestSignalsEndsWithItsParentAndStopsTwice(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	ctx, stop := Signals(parent)
	cancel()
	<-ctx.Done()
	stop()
	stop()

	ctx, stop = Signals(t.Context())
	stop()
	<-ctx.Done()
	if err := ctx.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
