package produce

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/streamtest"
)

func open(t *testing.T, srv *streamtest.Server) *stream.Stream {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{
		URL: srv.URL, Partitions: 2, PoolMax: 10, Timeout: 5 * time.Second, Limits: "any",
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// session opens a session as a gateway does.
func session(t *testing.T, s *stream.Stream, name string) *Session {
	t.Helper()
	session, err := Open(t.Context(), s, "", name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// part has one event for each number; its id is the session's name and the number.
func part(t testing.TB, of *Session, name string, numbers ...uint64) Part {
	p := Part{Session: of}
	for _, n := range numbers {
		var f event.Frame
		text := fmt.Appendf(nil, `{"id":"%s/%d","type":"test"}`, name, n)
		if err := f.DecodeJSON(text, event.DefaultLimits()); err != nil {
			t.Fatal(err)
		}
		p.Bytes = event.AppendMember(p.Bytes, &f.Events[0], &event.Defaults{Source: "/test", Received: time.Now()})
		if of == nil {
			p.Events++
		} else {
			p.Add(n, len(p.Bytes))
		}
	}
	return p
}

// store appends one batch and returns what became of it.
func store(t *testing.T, a *Appender, partition int, parts ...Part) Stored {
	t.Helper()
	b := &Batch{Partition: partition, Parts: parts}
	if err := a.Append(t.Context(), []*Batch{b}); err != nil {
		t.Fatal(err)
	}
	if !b.Stored.Done {
		t.Fatal("Append returned nil and the batch is not done")
	}
	return b.Stored
}

// ids decodes what is stored in a partition, in order.
func ids(t *testing.T, s *stream.Stream, partition int) []string {
	t.Helper()
	entries, err := s.Redis().XRange(context.Background(), stream.KeysOf(partition).Events(), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	var before uint64
	for _, e := range entries {
		events, err := event.DecodeBatch(nil, e.Values["b"].(string))
		if err != nil {
			t.Fatal(err)
		}
		id, err := ledger.ParseEntryID(e.ID)
		if err != nil || id.Before != before || id.Events != uint64(len(events)) || e.Values["n"] != strconv.Itoa(len(events)) {
			t.Fatalf("entry %s, n=%v, holds %d events and comes after %d (%v)", e.ID, e.Values["n"], len(events), before, err)
		}
		before = id.After()
		for _, ev := range events {
			all = append(all, ev.ID)
		}
	}
	return all
}

func book(t *testing.T, s *stream.Stream, partition int, field string) string {
	t.Helper()
	v, err := s.Redis().HGetAll(context.Background(), stream.KeysOf(partition).Ledger()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return v[field]
}
