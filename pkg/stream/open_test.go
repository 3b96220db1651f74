package stream_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/streamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// heard is a log that tells of each record.
type heard struct {
	mu      sync.Mutex
	text    bytes.Buffer
	records chan struct{}
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case h.records <- struct{}{}:
	default:
	}
	return h.text.Write(b)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

func config(url string, log *heard) stream.Config {
	return stream.Config{
		URL: url, PoolMax: 2, Timeout: time.Second, Limits: "any",
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}
}

// A service that starts before Redis waits, and says so.
func TestOpenWaitsForRedis(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: "always"})
	srv.Stop()
	log := &heard{records: make(chan struct{}, 1)}
	opened := make(chan error, 1)
	go func() {
		s, err := stream.Open(t.Context(), config(srv.URL, log))
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	<-log.records
	srv.Start()
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "waiting for Redis") {
		t.Errorf("the log says %q", log)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	log := &heard{records: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan error, 1)
	go func() {
		_, err := stream.Open(ctx, config("redis://127.0.0.1:1", log))
		opened <- err
	}()
	<-log.records
	cancel()
	if err := <-opened; !errors.Is(err, context.Canceled) {
		t.Errorf("Open returns %v", err)
	}
}

// Waiting can't mend a password that Redis refuses.
func TestOpenDenied(t *testing.T) {
	srv := streamtest.RedisWith(t, streamtest.Options{Port: streamtest.AnyPort})
	if err := srv.Client(t).ConfigSet(t.Context(), "requirepass", "right").Err(); err != nil {
		t.Fatal(err)
	}
	for _, credentials := range []string{"", ":wrong@"} {
		url := strings.Replace(srv.URL, "redis://", "redis://"+credentials, 1)
		_, err := stream.Open(t.Context(), config(url, &heard{records: make(chan struct{}, 1)}))
		if !errors.Is(err, stream.ErrDenied) {
			t.Errorf("with %q: %v", credentials, err)
		}
	}
	s, err := stream.Open(t.Context(), config(strings.Replace(srv.URL, "redis://", "redis://:right@", 1), &heard{records: make(chan struct{}, 1)}))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
}

// The durability that is claimed is the server's, and follows it.
func TestDurability(t *testing.T) {
	for policy, want := range map[string]string{
		"": stream.DurabilityMemory, "no": stream.DurabilityMemory,
		"everysec": stream.DurabilityStored, "always": stream.DurabilityFsynced,
	} {
		srv := streamtest.RedisWith(t, streamtest.Options{AppendFsync: policy})
		s, err := stream.Open(t.Context(), config(srv.URL, &heard{records: make(chan struct{}, 1)}))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got, err := s.Durability(t.Context()); err != nil || got != want {
			t.Errorf("fsync %q: %s (%v), want %s", policy, got, err, want)
		}
		if policy != "always" {
			continue
		}
		if err := srv.Client(t).ConfigSet(t.Context(), "no-appendfsync-on-rewrite", "yes").Err(); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Durability(t.Context()); got != stream.DurabilityStored {
			t.Errorf("without fsync while the file is rewritten: %s", got)
		}
	}
	s, err := stream.Open(t.Context(), config(streamtest.Embedded(t).URL, &heard{records: make(chan struct{}, 1)}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, err := s.Durability(t.Context()); err != nil || got != stream.DurabilityMemory {
		t.Errorf("the embedded server: %s (%v)", got, err)
	}
}

// Partitions come from Redis where nobody says a number.
func TestPartitionsAreAdopted(t *testing.T) {
	srv := streamtest.Redis(t)
	log := &heard{records: make(chan struct{}, 1)}
	c := config(srv.URL, log)
	c.Partitions = 3
	first, err := stream.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	c.Partitions = 0
	second, err := stream.Open(t.Context(), c)
	if err != nil || second.Partitions() != 3 {
		t.Fatalf("without a number: %v", err)
	}
	defer second.Close()
	fresh, err := stream.Open(t.Context(), config(streamtest.Redis(t).URL, log))
	if err != nil || fresh.Partitions() != stream.DefaultPartitions {
		t.Fatalf("a new stream: %v", err)
	}
	defer fresh.Close()
}

func TestBackoff(t *testing.T) {
	b := stream.Backoff{Least: 100 * time.Millisecond, Most: time.Second}
	for i, most := range []time.Duration{100, 200, 400, 800, 1000, 1000, 1000} {
		most *= time.Millisecond
		if d := b.Next(); d < most/2 || d > most {
			t.Errorf("wait %d is %v, not within %v..%v", i, d, most/2, most)
		}
	}
	b.Reset()
	if d := b.Next(); d > 100*time.Millisecond {
		t.Errorf("after a reset: %v", d)
	}
	for range 100 {
		b.Next()
	}
	if d := b.Next(); d > time.Second || d < time.Second/2 {
		t.Errorf("after many: %v", d)
	}
}
