package ledger

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestMissing(t *testing.T) {
	for _, c := range []struct {
		name    string
		ledger  Ledger
		missing int64
		known   bool
	}{
		{"nothing", Ledger{}, 0, true},
		{"a pipeline that is not there", Ledger{Accepted: 5}, 0, true},
		{"all processed", of(10, Account{Processed: 10}), 0, true},
		{"every end there is", of(10, Account{Processed: 4, Filtered: 3, Dead: 2, Skipped: 1}), 0, true},
		{"every kind of pending", of(10, Account{Unread: 5, Working: 3, Waiting: 2}), 0, true},
		{"retried is no end", of(10, Account{Processed: 10, Retried: 99}), 0, true},
		{"it began late", of(10, Account{Baseline: 4, Processed: 6}), 0, true},
		{"read again", of(10, Account{Replayed: 3, Processed: 13}), 0, true},
		{"redriven", of(10, Account{Redriven: 2, Dead: 2, Processed: 10}), 0, true},
		{"lost", of(10, Account{Processed: 7}), 3, true},
		{"twice", of(10, Account{Processed: 12}), -2, true},
		{"what was not counted may be all that lacks", of(10, Account{Processed: 7, Uncounted: 2}), 0, false},
		{"an entry holds one event at least", of(10, Account{Processed: 9, Uncounted: 3}), -2, false},
		{"an entry holds 1,000 at most", of(5000, Account{Processed: 1000, Uncounted: 3}), 1000, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.ledger.Missing("p"); got != c.missing {
				t.Errorf("missing %d, want %d", got, c.missing)
			}
			if got := c.ledger.Known("p"); got != c.known {
				t.Errorf("known %v, want %v", got, c.known)
			}
		})
	}
}

func of(accepted uint64, a Account) Ledger {
	return Ledger{Accepted: accepted, Pipelines: map[string]Account{"p": a}}
}

// filled is an account of which every field has a value of its own, so that none can be forgotten or mistaken.
func filled(t *testing.T, from uint64) Account {
	t.Helper()
	var a Account
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(from + uint64(i))
	}
	return a
}

func TestSum(t *testing.T) {
	a, b := filled(t, 1), filled(t, 100)
	total := Sum(
		Ledger{Accepted: 1, Bytes: 2, Duplicates: 3, Trimmed: 4, Pipelines: map[string]Account{"p": a}},
		Ledger{Accepted: 10, Bytes: 20, Duplicates: 30, Trimmed: 40, Pipelines: map[string]Account{"p": b, "q": b}},
	)
	if total.Accepted != 11 || total.Bytes != 22 || total.Duplicates != 33 || total.Trimmed != 44 {
		t.Errorf("total %+v", total)
	}
	got := reflect.ValueOf(total.Pipelines["p"])
	for i := range got.NumField() {
		if n, want := got.Field(i).Uint(), uint64(101+2*i); n != want {
			t.Errorf("%s is %d, want %d", got.Type().Field(i).Name, n, want)
		}
	}
	if total.Pipelines["q"] != b {
		t.Errorf("a pipeline in one partition: %+v", total.Pipelines["q"])
	}
	if empty := Sum(); empty.Pipelines == nil || empty.Missing("p") != 0 {
		t.Errorf("the sum of nothing: %+v", empty)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	l := of(1, Account{Processed: 1})
	c := l.Clone()
	c.Pipelines["p"] = Account{}
	if l.Pipelines["p"].Processed != 1 {
		t.Error("a change of the copy changed the original")
	}
}

// Where partitions balance, their sum does.
func TestSumsOfBalancedLedgersBalance(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		var all []Ledger
		for range random.IntN(9) {
			a := Account{
				Processed: random.Uint64N(1e6), Filtered: random.Uint64N(1e6), Dead: random.Uint64N(1e6), Skipped: random.Uint64N(10),
				Unread: random.Uint64N(1e6), Working: random.Uint64N(1e6), Waiting: random.Uint64N(1e6), Baseline: random.Uint64N(1e6),
			}
			all = append(all, of(a.Baseline+a.Processed+a.Filtered+a.Dead+a.Skipped+a.Pending(), a))
		}
		if n := Sum(all...).Missing("p"); n != 0 {
			t.Errorf("seed %d: %d missing", seed, n)
		}
	}
}
