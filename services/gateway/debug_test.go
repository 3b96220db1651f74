package gateway

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
)

func TestDebugBuffer(t *testing.T) {
	inBubble(t, 4, nil, func(b *bubble) {
		p := b.greeted("")
		b.store.hold()
		p.send(ev(1)) // under way
		pass(2 * time.Second)
		p.send(array(ev(2), ev(3))) // gather
		pass(3 * time.Second)
		var r bufferReport
		b.read("/debug/buffer", &r)
		if r.Size != 3 || r.Capacity != 10_000 || r.Workers != 4 || r.Dropped != 0 || r.Policy != "block" {
			t.Errorf("the report is %+v", r)
		}
		if r.Bytes <= 0 || r.Bytes > r.MaxBytes || len(r.Partitions) != 4 {
			t.Errorf("the report is %+v", r)
		}
		if r.OldestMS != 5000 {
			t.Errorf("the oldest event waits for %d ms", r.OldestMS)
		}
		waiting := 0
		for _, p := range r.Partitions {
			waiting += p.Events
		}
		if waiting != 2 {
			t.Errorf("%d events gather", waiting)
		}
		b.store.releaseAll()
		p.expectAck(3)
		synctest.Wait()
		b.read("/debug/buffer", &r)
		if r.Size != 0 || r.Bytes != 0 || r.OldestMS != 0 {
			t.Errorf("when all is stored the report is %+v", r)
		}
	})
}

// The names of the fields are the guide's.
func TestDebugFields(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		for path, names := range map[string][]string{
			"/debug/buffer":  {"size", "capacity", "dropped", "workers"},
			"/debug/workers": {"running", "worker_count", "stats", "workers"},
			"/debug/memory":  {"memory_mb", "memory_percent", "open_files", "connections", "gc_stats"},
		} {
			var fields map[string]any
			b.read(path, &fields)
			for _, name := range names {
				if _, ok := fields[name]; !ok {
					t.Errorf("%s has no %s: %v", path, name, fields)
				}
			}
		}
	})
}

// read gets JSON from a bubble's gateway.
func (b *bubble) read(path string, to any) {
	b.Helper()
	response, err := b.client.Get("http://gateway" + path)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(to); err != nil {
		b.Fatal(err)
	}
}

func TestMetricsCount(t *testing.T) {
	inBubble(t, 2, nil, func(b *bubble) {
		p := b.greeted("")
		p.send(array(ev(1), invalid, ev(3)))
		p.send(`{`)
		p.expect("error 2 invalid_event")
		for m := p.next(); m.String() != "error invalid_json"; m = p.next() {
			if m.Type != "ack" {
				t.Fatalf("the gateway says %v", m)
			}
		}
		b.post(asJSON, array(ev(1), invalid))
		b.post("text/csv", "a,b")
		synctest.Wait()
		m := b.gateway.metrics
		if n := m.accepted.Load(); n != 3 {
			t.Errorf("%d events are accepted", n)
		}
		byCode, total := m.refusals()
		if total != 4 || byCode["invalid_event"] != 2 || byCode["invalid_json"] != 2 {
			t.Errorf("refused are %v", byCode)
		}
	})
}
