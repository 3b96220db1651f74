package gateway

import (
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

// Who is refused from ever new addresses fills no memory.
func TestRejectsAreBounded(t *testing.T) {
	var r rejects
	why := event.Refuse(event.CodeInvalidEvent, "no")
	for i := range 10 * mostRejects {
		r.note(time.Unix(int64(i), 0), from(i), why, []byte("x"), 2)
	}
	all := r.list()
	total := uint64(0)
	for _, each := range all {
		total += each.Count
	}
	if len(all) > mostRejects+1 || total != 20*mostRejects || all[0].Address != "other" {
		t.Errorf("%d kinds, %d events, the latest from %q", len(all), total, all[0].Address)
	}
}

// from is a sender with an address of its own.
func from(i int) *sender {
	address := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	return &sender{path: "/ws", credential: access.Credential{Client: access.Client{Address: address}}}
}
