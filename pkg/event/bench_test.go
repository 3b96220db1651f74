package event

import (
	"bytes"
	"testing"
)

// typical is an event of 150 bytes.
const typical = `{"type":"order.created","id":"0192f0a4-7c1e-7b3a-9d52-2f6c8e1b4a70","subject":"orders/1842","data":{"value":42,"price":19.99,"tags":["a","b"],"ok":true}}`

// batchOf is an array of n events.
func batchOf(n int) []byte {
	return append(append([]byte{'['}, bytes.Repeat([]byte(typical+","), n-1)...), typical+"]"...)
}

// perEvent reports the time of one of n events.
func perEvent(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
}

func BenchmarkDecodeJSON(b *testing.B) {
	for name, n := range map[string]int{"1": 1, "100": 100} {
		frame := batchOf(n)
		if n == 1 {
			frame = []byte(typical)
		}
		b.Run(name, func(b *testing.B) {
			var f Frame
			b.ReportAllocs()
			for b.Loop() {
				if err := f.DecodeJSON(frame, DefaultLimits()); err != nil {
					b.Fatal(err)
				}
			}
			perEvent(b, n)
		})
	}
}

func BenchmarkAppendMember(b *testing.B) {
	for name, text := range map[string]string{"sent": typical, "completed": `{"type":"order.created","data":{"value":42}}`} {
		b.Run(name, func(b *testing.B) {
			var f Frame
			if err := f.DecodeJSON([]byte(text), DefaultLimits()); err != nil {
				b.Fatal(err)
			}
			d := &Defaults{Source: "/ws", Received: arrival, IDs: NewIDs()}
			dst := make([]byte, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendMember(dst[:0], &f.Events[0], d)
			}
		})
	}
}

func BenchmarkDecodeBatch(b *testing.B) {
	entry := string(encoded(b, 100))
	events := make([]Event, 0, 100)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if events, err = DecodeBatch(events[:0], entry); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, 100)
}

func BenchmarkIDs(b *testing.B) {
	g, dst := NewIDs(), make([]byte, 0, idLength)
	b.ReportAllocs()
	for b.Loop() {
		dst = g.Append(dst[:0], arrival)
	}
}

func encoded(tb testing.TB, n int) []byte {
	tb.Helper()
	var f Frame
	if err := f.DecodeJSON(batchOf(n), DefaultLimits()); err != nil {
		tb.Fatal(err)
	}
	batch := AppendVersion(nil)
	d := &Defaults{Source: "/ws", Received: arrival}
	for i := range f.Events {
		batch = AppendMember(batch, &f.Events[i], d)
	}
	return batch
}

// What is done for every event allocates nothing once buffers have grown; a batch is one allocation.
func TestNothingIsAllocatedPerEvent(t *testing.T) {
	var f Frame
	frame := batchOf(100)
	completed := []byte(`{"type":"\u0061","data_base64":"AAEC","x":"y","n":5}`)
	d := &Defaults{Source: "/ws", Received: arrival, IDs: NewIDs()}
	var dst []byte
	entry, events := string(encoded(t, 100)), make([]Event, 0, 100)
	for name, c := range map[string]struct {
		most float64
		do   func() error
	}{
		"decode an array": {0, func() error { return f.DecodeJSON(frame, DefaultLimits()) }},
		"decode a line":   {0, func() error { return f.DecodeNDJSON(completed, DefaultLimits()) }},
		"append": {0, func() error {
			err := f.DecodeJSON(completed, DefaultLimits())
			dst = AppendMember(dst[:0], &f.Events[0], d)
			return err
		}},
		"decode a batch": {1, func() (err error) {
			events, err = DecodeBatch(events[:0], entry)
			return err
		}},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := c.do(); err != nil {
				t.Fatal(err)
			}
		}); n > c.most {
			t.Errorf("%s: %g allocations, want %g", name, n, c.most)
		}
	}
}
