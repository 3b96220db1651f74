package survey

import (
	"maps"
	"testing"

	"millrace.dev/pkg/stream/state"
	"millrace.dev/pkg/stream/streamtest"
)

func TestRedis(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Redis(t) })
}

func TestEmbedded(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Embedded(t) })
}

// suite is what every server must pass.
func suite(t *testing.T, begin func(*testing.T) *streamtest.Server) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *streamtest.Server)
	}{
		{"an empty stream", testEmpty},
		{"a worker counts what came in", testCounted},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, begin(t)) })
	}
}

func testEmpty(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 3)
	v := take(t, s)
	if len(v.Partitions) != 3 || len(v.Leases) != 0 || v.Total().Accepted != 0 || v.Redis.RoundTrip <= 0 {
		t.Errorf("an empty stream: %+v", v)
	}
	for _, p := range v.Partitions {
		if p.Epoch == "" || p.Entries != 0 || p.Newest != "" || len(p.Groups) != 0 {
			t.Errorf("an empty partition: %+v", p)
		}
	}
}

func testCounted(t *testing.T, srv *streamtest.Server) {
	s := open(t, srv, 2)
	worker(t, s, counting)
	a := newAppender(t, s)
	idle := eventually(t, s, "leases of a worker that has nothing to do", func(v Survey) bool { return len(v.Leases) == 2 })
	if l := idle.Leases[0]; l.Pipeline != state.CountPipeline || l.Consumer == "" {
		t.Errorf("lease %+v", l)
	}
	a.add(0, 10, "a")
	a.add(0, 5, "b")
	a.add(1, 7, "a")
	v := eventually(t, s, "all processed", func(v Survey) bool {
		return v.Total().Pipelines[state.CountPipeline].Processed == 22
	})
	total := v.Total()
	if total.Accepted != 22 || total.Pipelines[state.CountPipeline].Pending() != 0 || total.Bytes == 0 {
		t.Errorf("total %+v", total)
	}
	if p := v.Partitions[0]; !maps.Equal(p.Types, map[string]uint64{"a": 10, "b": 5}) || p.Other != 0 || p.Entries != 2 {
		t.Errorf("partition 0: %+v", p)
	}
	if g := v.Partitions[0].Groups[state.CountPipeline]; g.Delivered != v.Partitions[0].Newest || !g.OldestUnread.IsZero() || g.Gone {
		t.Errorf("group %+v", g)
	}
}
