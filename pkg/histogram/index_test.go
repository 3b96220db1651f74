package histogram

import (
	"math/big"
	"testing"
	"time"
)

// boundary is base^i seconds in nanoseconds, rounded down, and whether that is exact. It takes roots of two with 200
// bits, so it shares no arithmetic with index.
func boundary(i int) (ns int64, exact bool) {
	root := big.NewFloat(2).SetPrec(200)
	for range Scale {
		root.Sqrt(root)
	}
	doubling := i >> Scale
	v := new(big.Float).SetPrec(200).SetInt64(1e9)
	v.SetMantExp(v, doubling)
	for range i - doubling<<Scale {
		v.Mul(v, root)
	}
	ns, _ = v.Int64()
	return ns, v.IsInt() && i%(1<<Scale) == 0
}

func TestIndexIsTheDefinitionAtEveryBoundary(t *testing.T) {
	for i := firstIndex; i <= lastIndex; i++ {
		top, exact := boundary(i + 1)
		if got := index(time.Duration(top)); got != i {
			t.Errorf("index(%d ns) = %d, want %d: the last of its bucket", top, got, i)
		}
		if i == lastIndex {
			continue
		}
		if got := index(time.Duration(top + 1)); got != i+1 {
			t.Errorf("index(%d ns) = %d, want %d: the first of its bucket (boundary exact: %v)", top+1, got, i+1, exact)
		}
	}
}

func TestRangeOfARecorder(t *testing.T) {
	below, _ := boundary(firstIndex)
	if time.Duration(below+1) != shortest {
		t.Errorf("shortest is %v, the first bucket begins above %d ns", shortest, below)
	}
	if got := index(shortest); got != firstIndex {
		t.Errorf("index(shortest) = %d, want %d", got, firstIndex)
	}
	if got := index(Longest); got != lastIndex {
		t.Errorf("index(Longest) = %d, want %d", got, lastIndex)
	}
	if shortest > time.Microsecond {
		t.Errorf("1 us is below the first bucket, which begins at %v", shortest)
	}
}

func TestIndexNeverFallsAsDurationsGrow(t *testing.T) {
	last := index(shortest)
	for d := shortest; d <= Longest; d += 1 + d/300 {
		got := index(d)
		if got < last || got > last+1 {
			t.Fatalf("index(%v) = %d after %d", d, got, last)
		}
		last = got
	}
}
