package streamtest

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRestartKeepsWhatIsInTheAppendOnlyFile(t *testing.T) {
	for name, port := range map[string]int{"socket": 0, "port": AnyPort} {
		t.Run(name, func(t *testing.T) {
			s := RedisWith(t, Options{AppendFsync: "always", Port: port})
			for _, end := range []func(){s.Kill, s.Stop} {
				c := s.Client(t)
				if err := c.Incr(t.Context(), "n").Err(); err != nil {
					t.Fatal(err)
				}
				end()
				if err := c.Ping(t.Context()).Err(); err == nil {
					t.Error("it still answers")
				}
				s.Start()
			}
			if n, err := s.Client(t).Get(t.Context(), "n").Int(); n != 2 || err != nil {
				t.Errorf("n is %d after two restarts, want 2 (%v)", n, err)
			}
		})
	}
}

func TestRestartInMemoryLosesAll(t *testing.T) {
	s := Redis(t)
	if err := s.Client(t).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.Start()
	if n, err := s.Client(t).DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("%d keys are left, want none (%v)", n, err)
	}
}

func TestPausedServerAnswersWhenResumed(t *testing.T) {
	s := Redis(t)
	c := s.Client(t)
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	answer := make(chan error, 1)
	go func() { answer <- c.Ping(t.Context()).Err() }()
	select {
	case err := <-answer:
		t.Errorf("a paused server answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	s.Resume()
	if err := <-answer; err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestServerIsGoneAfterItsTest(t *testing.T) {
	var pid int
	var dir string
	t.Run("test", func(t *testing.T) {
		s := Redis(t)
		pid, dir = s.PID(), s.Dir()
		s.Pause() // not even this keeps it
	})
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d: %v, want none", pid, err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("its folder: %v, want none", err)
	}
}

func TestFullServerRefuses(t *testing.T) {
	s := RedisWith(t, Options{MaxMemory: 2 << 20})
	c := s.Client(t)
	big := make([]byte, 1<<20)
	var err error
	for i := 0; err == nil && i < 10; i++ {
		err = c.RPush(t.Context(), "list", big).Err()
	}
	if err == nil || !strings.HasPrefix(err.Error(), "OOM ") {
		t.Errorf("10 MiB into 2 MiB: %v, want OOM", err)
	}
}
