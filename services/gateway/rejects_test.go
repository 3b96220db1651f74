package gateway

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
)

func TestDebugRejects(t *testing.T) {
	inBubble(t, 1, nil, func(b *bubble) {
		p := b.greeted("")
		long := `{"type":"t","time":"yesterday","data":"` + strings.Repeat("ü", 100) + `"}`
		for range 7 {
			p.send(long)
		}
		p.send("{")
		b.post(asJSON, `{"type":""}`)
		pass(time.Second)
		var all struct{ Rejects []reject }
		b.read("/debug/rejects", &all)
		seen := map[string]reject{}
		for _, r := range all.Rejects {
			seen[r.Reason+" "+r.Source] = r
		}
		r := seen["invalid_event /ws"]
		if len(all.Rejects) != 3 || r.Count != 7 || len(r.Latest) != keptSamples || seen["invalid_event /http"].Count != 1 || seen["invalid_json /ws"].Count != 1 {
			t.Fatalf("%+v", all.Rejects)
		}
		s := r.Latest[0]
		if !strings.HasPrefix(long, strings.TrimRight(s.Sample, "\uFFFD")) || utf8.RuneCountInString(s.Sample) > sampleBytes ||
			len(s.Sample) < sampleBytes-3 || !strings.Contains(s.Message, "time") || s.Time.IsZero() {
			t.Errorf("the sample is %+v", s)
		}
	})
}

// Who is refused from ever new addresses fills no memory, and hides neither credentials nor who comes later.
func TestRejectsAreBounded(t *testing.T) {
	var r rejects
	why := event.Refuse(event.CodeInvalidEvent, "no")
	at := func(i int) time.Time { return time.Unix(int64(i), 0) }
	shop := &sender{path: "/ws", credential: access.Credential{Name: "shop"}}
	r.note(at(-1), shop, why, []byte("x"), 7)
	for i := range 10 * mostRejects {
		r.note(at(i), from(i), why, []byte("x"), 2)
	}
	all := r.list()
	total := uint64(0)
	seen := map[string]reject{}
	for _, each := range all {
		total += each.Count
		seen[each.Credential+each.Address] = each
	}
	if len(all) != mostRejects+1 || total != 20*mostRejects+7 || seen["shop"].Count != 7 {
		t.Errorf("%d kinds, %d events, of shop %+v", len(all), total, seen["shop"])
	}
	if last := 10*mostRejects - 1; all[0].Address != from(last).network() {
		t.Errorf("the latest is from %q", all[0].Address)
	}
	o := seen[others]
	if o.Count != 2*(9*mostRejects+1) || o.Reason != event.CodeInvalidEvent || o.Source != "/ws" || len(o.Latest) != keptSamples ||
		!o.Latest[0].Time.Equal(at(9*mostRejects)) {
		t.Errorf("the others are %+v", o)
	}
}

// Where only credentials are counted apart, an address has no place, and a credential that of the oldest.
func TestRejectsOfCredentials(t *testing.T) {
	var r rejects
	why := event.Refuse(event.CodeInvalidEvent, "no")
	for i := range mostRejects + 1 {
		r.note(time.Unix(int64(i), 0), &sender{path: "/ws", credential: access.Credential{Name: fmt.Sprint(i)}}, why, nil, 1)
	}
	r.note(time.Unix(mostRejects+1, 0), from(1), why, nil, 1)
	all := r.list()
	if len(all) != mostRejects+1 || all[0].Address != others || all[0].Count != 2 || all[mostRejects].Credential != "1" {
		t.Errorf("%d kinds, first %+v, last %+v", len(all), all[0], all[len(all)-1])
	}
}

// A host may choose among 2^64 addresses of IPv6: they are one.
func TestRejectsByNetwork(t *testing.T) {
	var r rejects
	for i := range 10 {
		s := from(0)
		s.credential.Client.Address = netip.MustParseAddr(fmt.Sprintf("2001:db8:0:1::%d", i))
		r.note(time.Unix(int64(i), 0), s, event.Refuse(event.CodeInvalidEvent, "no"), nil, 1)
	}
	if all := r.list(); len(all) != 1 || all[0].Count != 10 || all[0].Address != "2001:db8:0:1::" {
		t.Errorf("%+v", all)
	}
}

// from is a sender with an address of its own.
func from(i int) *sender {
	address := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	return &sender{path: "/ws", credential: access.Credential{Client: access.Client{Address: address}}}
}
