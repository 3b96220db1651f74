package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"millrace.dev/pkg/stream"
)

func TestReached(t *testing.T) {
	if p := Reached("a:1", time.Second, nil); p.Fault != "" || p.RoundTrip != time.Second {
		t.Errorf("what answers has a fault: %+v", p)
	}
	for _, c := range []struct {
		err  error
		want Fault
	}{
		{refused(t), FaultRefused},
		{&net.DNSError{Err: "no such host", Name: "redis"}, FaultName},
		{context.DeadlineExceeded, FaultTimeout},
		{fmt.Errorf("%w: NOPERM", stream.ErrDenied), FaultDenied},
		{fmt.Errorf("%w: OOM", stream.ErrFull), FaultFull},
		{errors.New("GET /health/ready answers 503 Service Unavailable: dial tcp 127.0.0.1:6379: connect: connection refused"), FaultRefused},
		{errors.New("rpc error: code = DeadlineExceeded desc = context deadline exceeded"), FaultTimeout},
		{errors.New("rpc error: code = Unauthenticated desc = a key is needed"), FaultDenied},
		{errors.New("LOADING Redis is loading the dataset in memory"), FaultLoading},
		{errors.New("READONLY You can't write against a read only replica."), FaultReadOnly},
		{errors.New("read: connection reset by peer"), FaultOther},
	} {
		p := Reached("a:1", time.Second, fmt.Errorf("asking: %w", c.err))
		if p.Fault != c.want || p.Error == "" || p.RoundTrip != 0 {
			t.Errorf("%v: %+v, want fault %s", c.err, p, c.want)
		}
	}
}

// refused is the error of a connection to a port on which nobody listens any more.
func refused(t *testing.T) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err == nil {
		conn.Close()
		t.Fatal("somebody listens on a port that was closed")
	}
	return err
}

func TestAddressShowsNoSecret(t *testing.T) {
	for raw, want := range map[string]string{
		"redis://127.0.0.1:6379/0":                   "redis://127.0.0.1:6379/0",
		"rediss://user:p@ss@redis:6379/0?db=1":       "rediss://redis:6379/0",
		"unix:///run/redis.sock?password=secret":     "unix:///run/redis.sock",
		"redis-sentinel://:secret@a:1,b:2/main?db=3": "redis-sentinel://a:1,b:2/main",
		"secret": "an address that is no URL",
	} {
		if got := Address(raw); got != want {
			t.Errorf("Address(%q) = %q, want %q", raw, got, want)
		}
	}
}
