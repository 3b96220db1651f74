package consume

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

type server struct {
	url  string
	real bool
}

func realRedis(t *testing.T, args ...string) server {
	dir, err := os.MkdirTemp("", "r")
	if err != nil {
		t.Fatal(err)
	}
	sock := filepath.Join(dir, "s")
	cmd := exec.Command("redis-server", append([]string{"--port", "0", "--unixsocket", sock, "--save", "", "--appendonly", "no", "--dir", dir}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = os.RemoveAll(dir) })
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: sock})
	defer c.Close()
	for range 100 {
		if c.Ping(context.Background()).Err() == nil {
			return server{url: "unix://" + sock, real: true}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("no redis")
	return server{}
}

func embedded(t *testing.T) server {
	m := miniredis.RunT(t)
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				m.FastForward(10 * time.Millisecond)
			}
		}
	}()
	t.Cleanup(func() { close(stop) })
	return server{url: "redis://" + m.Addr()}
}
