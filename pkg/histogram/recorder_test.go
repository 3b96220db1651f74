package histogram

import (
	"sync"
	"testing"
	"time"
)

func TestRecorderCountsAndSums(t *testing.T) {
	var r Recorder
	r.Record(3*time.Millisecond, 2)
	r.Record(time.Second, 5)
	h := r.Snapshot()
	if h.Count() != 7 {
		t.Errorf("count %d, want 7", h.Count())
	}
	if want := 5.006; h.Sum() < want-1e-9 || h.Sum() > want+1e-9 {
		t.Errorf("sum %v s, want %v", h.Sum(), want)
	}
	if first, last := h.Counts()[0], h.Counts()[len(h.Counts())-1]; first != 2 || last != 5 {
		t.Errorf("outer buckets hold %d and %d, want 2 and 5", first, last)
	}
	if int(h.Offset()) != index(3*time.Millisecond) {
		t.Errorf("offset %d is not the bucket of the shortest", h.Offset())
	}
}

func TestRecorderClampsAndCountsWhatItCannotHold(t *testing.T) {
	var r Recorder
	r.Record(-time.Second, 1)
	r.Record(0, 2)
	r.Record(953*time.Nanosecond, 3)
	r.Record(time.Microsecond, 10)
	r.Record(Longest, 10)
	r.Record(Longest+1, 4)
	r.Record(1<<62, 5)
	under, over := r.Clamped()
	if under != 6 || over != 9 {
		t.Errorf("clamped %d and %d, want 6 and 9", under, over)
	}
	h := r.Snapshot()
	if h.Count() != 35 {
		t.Errorf("count %d, want all 35", h.Count())
	}
	if h.Offset() != firstIndex || h.end() != lastIndex+1 {
		t.Errorf("buckets %d..%d, want %d..%d", h.Offset(), h.end(), firstIndex, lastIndex+1)
	}
	if want := 19 * Longest.Seconds(); h.Sum() < want || h.Sum() > want+0.001 {
		t.Errorf("sum %v s, want about %v: what is too long counts as the longest", h.Sum(), want)
	}
}

func TestEmptyRecorder(t *testing.T) {
	var r Recorder
	h := r.Snapshot()
	if h.Count() != 0 || h.Sum() != 0 || len(h.Counts()) != 0 {
		t.Errorf("snapshot of nothing is %+v", h)
	}
	if _, ok := h.Quantile(0.5); ok {
		t.Error("nothing has a median")
	}
}

func TestRecorderLosesNothingUnderConcurrency(t *testing.T) {
	const goroutines, each = 8, 5_000
	var r Recorder
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				r.Record(time.Duration(g*each+i+1)*time.Microsecond, 3)
			}
		})
	}
	var last uint64
	for range 200 { // snapshots meanwhile only grow
		n := r.Snapshot().Count()
		if n < last {
			t.Fatalf("count fell from %d to %d", last, n)
		}
		last = n
	}
	wg.Wait()
	h := r.Snapshot()
	if h.Count() != 3*goroutines*each {
		t.Errorf("count %d, want %d", h.Count(), 3*goroutines*each)
	}
	n := float64(goroutines * each)
	if want := 3 * n * (n + 1) / 2 / 1e6; h.Sum() < want*(1-1e-9) || h.Sum() > want*(1+1e-9) {
		t.Errorf("sum %v s, want %v", h.Sum(), want)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	var r Recorder
	if n := testing.AllocsPerRun(100, func() { r.Record(3*time.Millisecond, 100) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	var r Recorder
	d := time.Duration(0)
	for b.Loop() {
		d = (d + 7919*time.Nanosecond) % time.Second
		r.Record(d, 100)
	}
}

func BenchmarkRecordParallel(b *testing.B) {
	var r Recorder
	b.RunParallel(func(pb *testing.PB) {
		d := time.Duration(0)
		for pb.Next() {
			d = (d + 7919*time.Nanosecond) % time.Second
			r.Record(d, 100)
		}
	})
}
