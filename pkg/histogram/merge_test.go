package histogram

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// random is a histogram of whole seconds' sums, so that sums can be compared exactly.
func random(r *rand.Rand, scale int32) Histogram {
	counts := make([]uint64, 1+r.IntN(40))
	for i := range counts {
		counts[i] = uint64(r.IntN(4))
	}
	h, err := New(scale, int32(r.IntN(200)-150), counts, float64(r.IntN(1000)))
	if err != nil {
		panic(err)
	}
	return h
}

func TestLawsOfAddAndSub(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		scale := int32(r.IntN(8) - 2)
		a, b, c := random(r, scale), random(r, scale), random(r, scale)
		equal(t, "a+b = b+a", a.Add(b), b.Add(a))
		equal(t, "(a+b)+c = a+(b+c)", a.Add(b).Add(c), a.Add(b.Add(c)))
		equal(t, "a+0 = a", a.Add(Histogram{}), a)
		equal(t, "0+a = a", Histogram{}.Add(a), a)
		equal(t, "a-0 = a", a.Sub(Histogram{}), a)
		equal(t, "a-a = 0", a.Sub(a), Histogram{})
		if b.Count() > 0 {
			equal(t, "(a+b)-a = b", a.Add(b).Sub(a), b)
		}
		equal(t, "scaled a+b = scaled a + scaled b", a.Add(b).Scaled(-3), a.Scaled(-3).Add(b.Scaled(-3)))
	}
}

func TestAddOfDifferentScalesTakesTheCoarser(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		fine, coarse := random(r, 5), random(r, 2)
		if fine.Count() == 0 || coarse.Count() == 0 {
			continue
		}
		sum := fine.Add(coarse)
		if sum.Scale() != 2 || sum.Count() != fine.Count()+coarse.Count() {
			t.Fatalf("scale %d, count %d; want 2, %d", sum.Scale(), sum.Count(), fine.Count()+coarse.Count())
		}
		equal(t, "sum - fine = coarse", sum.Sub(fine), coarse)
	}
}

func TestOperandsStayAsTheyAre(t *testing.T) {
	a, _ := New(5, -10, []uint64{1, 2, 3}, 1)
	b, _ := New(5, -9, []uint64{4, 5}, 2)
	a.Add(b)
	a.Sub(b)
	a.Scaled(0)
	again, _ := New(5, -10, []uint64{1, 2, 3}, 1)
	equal(t, "a", a, again)
}

func TestScaledHalvesByTheDefinition(t *testing.T) {
	// At scale 0 bucket i holds (2^i, 2^(i+1)]: -1 is (0.5 s, 1 s], 0 is (1 s, 2 s].
	var r Recorder
	r.Record(600*time.Millisecond, 1)
	r.Record(time.Second, 10)
	r.Record(time.Second+time.Nanosecond, 100)
	r.Record(2*time.Second, 1_000)
	r.Record(3*time.Second, 10_000)
	h := r.Snapshot().Scaled(0)
	if h.Offset() != -1 || !reflect.DeepEqual(h.Counts(), []uint64{11, 1_100, 10_000}) {
		t.Errorf("offset %d, counts %v; want -1, [11 1100 10000]", h.Offset(), h.Counts())
	}
	if got := h.Scaled(3); !reflect.DeepEqual(got, h) {
		t.Errorf("a coarse histogram became finer: %+v", got)
	}
}

func TestSubOfAnotherRecorderDoesNotWrap(t *testing.T) {
	a, _ := New(5, 0, []uint64{1, 5}, 1)
	b, _ := New(5, -1, []uint64{9, 9, 2}, 7)
	if got := a.Sub(b); got.Count() != 3 || got.Sum() != 0 {
		t.Errorf("count %d, sum %v; want 3 and 0", got.Count(), got.Sum())
	}
}

func TestNewRefusesWhatNoFloatHas(t *testing.T) {
	for _, bad := range []struct{ scale, offset int32 }{
		{21, 0}, {-11, 0}, {5, math.MaxInt32}, {5, math.MinInt32}, {0, 1025}, {0, -1076}, {20, math.MaxInt32},
	} {
		if h, err := New(bad.scale, bad.offset, []uint64{1}, 1); err == nil {
			t.Errorf("scale %d, offset %d was taken: %+v", bad.scale, bad.offset, h)
		}
	}
}

func TestNewHalvesFinerScales(t *testing.T) {
	h, err := New(20, 0, make([]uint64, 1), 0)
	if err != nil || h.Count() != 0 {
		t.Fatalf("empty: %+v, %v", h, err)
	}
	h, err = New(7, -3, []uint64{1, 1, 1, 1, 1}, 2.5) // quarters of a bucket: -3..-1 and 0..1
	if err != nil {
		t.Fatal(err)
	}
	if h.Scale() != Scale || h.Offset() != -1 || !reflect.DeepEqual(h.Counts(), []uint64{3, 2}) || h.Sum() != 2.5 {
		t.Errorf("got %+v, want offset -1, counts [3 2]", h)
	}
}

func TestNewOfASnapshotIsTheSnapshot(t *testing.T) {
	var r Recorder
	for d := time.Microsecond; d < Longest; d *= 3 {
		r.Record(d, uint64(d))
	}
	h := r.Snapshot()
	again, err := New(h.Scale(), h.Offset(), h.Counts(), h.Sum())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "again", again, h)
}

func equal(t *testing.T, law string, got, want Histogram) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: %+v is not %+v", law, got, want)
	}
}
