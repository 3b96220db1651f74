package streamtest

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestReplicaHasWhatItsPrimaryHas(t *testing.T) {
	s := RedisWith(t, Options{Port: AnyPort})
	r := Replica(t, s)
	c := s.Client(t)
	written(t, c.Set(t.Context(), "k", "v", 0))
	if n, err := c.Do(t.Context(), "WAIT", 1, 5000).Int(); n != 1 || err != nil {
		t.Fatalf("%d replicas have it (%v)", n, err)
	}
	if v, err := r.Client(t).Get(t.Context(), "k").Result(); v != "v" {
		t.Errorf("the replica holds %q (%v)", v, err)
	}
	r.Kill()
	r.Start()
	s.AwaitReplicas(1)
}

// What stands in for 7.2 answers as 7.2 does.
func TestRedis72(t *testing.T) {
	var fsynced atomic.Bool
	cut := NewRedis72(t, RedisWith(t, Options{AppendFsync: "everysec"}), fsynced.Load)
	c := cut.Client(t)
	conn := c.Conn()
	defer conn.Close()
	waitAOF := func(want int64) {
		t.Helper()
		cmd := redis.NewIntSliceCmd(t.Context(), "WAITAOF", 1, 0, 100)
		if err := conn.Process(t.Context(), cmd); err != nil || cmd.Val()[0] != want {
			t.Errorf("WAITAOF: %v (%v), want %d", cmd.Val(), err, want)
		}
	}
	if info := conn.Info(t.Context(), "server").Val(); !versionLine.MatchString(info) || versionLine.FindString(info) != "redis_version:7.2.4" {
		t.Errorf("INFO: %s", info)
	}
	waitAOF(1) // this connection has written nothing
	if err := conn.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	waitAOF(1)
	written(t, conn.Set(t.Context(), "k", "v", 0))
	waitAOF(0)
	fsynced.Store(true)
	waitAOF(1)
}
