package event

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	millracev1 "millrace.dev/proto/gen/millrace/v1"
)

var arrival = time.Date(2026, 1, 2, 3, 4, 5, 678_912_345, time.UTC)

// stored encodes the valid spans and reads them with the generated code.
func stored(t *testing.T, spans []Span, d *Defaults) (batch []byte, m *millracev1.EventBatch) {
	t.Helper()
	batch = AppendVersion(nil)
	for i := range spans {
		if spans[i].Valid() {
			batch = AppendMember(batch, &spans[i], d)
		}
	}
	m = new(millracev1.EventBatch)
	if err := proto.Unmarshal(batch, m); err != nil {
		t.Fatalf("generated code can't read the batch: %v", err)
	}
	return batch, m
}

func TestMemberIsWhatWasSent(t *testing.T) {
	text := `{"specversion":"1.0","id":"i-1","source":"/s","type":"order.\u00e4","subject":"sub","time":"2024-01-01T00:00:00+01:00",
		"datacontenttype":"application/json","dataschema":"https://x/y","partitionkey":"k","traceparent":"00-aa",
		"flag":true,"off":false,"count":-7,"zero":0,"empty":"","gone":null,"data": {"b":1,  "a":[ 1.0e0 ]}}`
	_, m := stored(t, decode(t, text), &Defaults{Source: "/ws", Received: arrival})
	want := &millracev1.EventBatch{Version: 1, Events: []*millracev1.Event{{
		Id: "i-1", Source: "/s", Type: "order.ä", Subject: "sub", Time: "2024-01-01T00:00:00+01:00",
		ReceivedUnixNano: uint64(arrival.UnixNano()), Datacontenttype: "application/json", Dataschema: "https://x/y", Partitionkey: "k",
		Payload: &millracev1.Event_Data{Data: []byte(`{"b":1,  "a":[ 1.0e0 ]}`)},
		Extensions: []*millracev1.Attribute{
			{Name: "traceparent", Value: &millracev1.Attribute_Text{Text: "00-aa"}},
			{Name: "flag", Value: &millracev1.Attribute_Boolean{Boolean: true}},
			{Name: "off", Value: &millracev1.Attribute_Boolean{}},
			{Name: "count", Value: &millracev1.Attribute_Integer{Integer: -7}},
			{Name: "zero", Value: &millracev1.Attribute_Integer{}},
			{Name: "empty", Value: &millracev1.Attribute_Text{}},
		},
	}}}
	if !proto.Equal(m, want) {
		t.Errorf("stored:\n%v\nwant:\n%v", m, want)
	}
}

func TestDataIsKeptByteForByte(t *testing.T) {
	for _, data := range []string{
		`null`, `""`, `0`, `-0.0e-00`, `1E400`, `12345678901234567890`, `{"a":1,"a":2}`, `"\ud800"`, `"\u0041\/"`,
		"[ 1 ,\t2\r\n]", `{"data":{"data":[]}}`, "\"\u2028é\u0000\"", `"😀"`, `{"type":"ping"}`,
	} {
		data = strings.ReplaceAll(data, "\x00", `\u0000`)
		_, m := stored(t, decode(t, `{"type":"a" , "data" : `+data+` }`), &Defaults{Received: arrival})
		if got, ok := m.Events[0].Payload.(*millracev1.Event_Data); !ok || string(got.Data) != data {
			t.Errorf("sent %q, stored %v", data, m.Events[0].Payload)
		}
	}
}

func TestBinaryData(t *testing.T) {
	for text, want := range map[string]string{``: "", `AAEC`: "\x00\x01\x02", `/\u002b8=`: "\xff\xef", `Zg==`: "f"} {
		_, m := stored(t, decode(t, `{"data_base64":"`+text+`","type":"a"}`), &Defaults{Received: arrival})
		if got, ok := m.Events[0].Payload.(*millracev1.Event_DataBinary); !ok || string(got.DataBinary) != want {
			t.Errorf("sent %s, stored %v, want %q", text, m.Events[0].Payload, want)
		}
	}
	if _, m := stored(t, decode(t, `{"type":"a"}`), &Defaults{Received: arrival}); m.Events[0].Payload != nil {
		t.Errorf("no data is stored as %v", m.Events[0].Payload)
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	d := &Defaults{Source: "/ws/alice", Received: arrival.In(time.FixedZone("", 3600)), IDs: NewIDs()}
	spans := decode(t, `[{"type":"a"},{"type":"b","id":"mine"},{"type":"c"}]`)
	var ids []string
	var batch []byte
	for i := range spans {
		batch = AppendMember(batch, &spans[i], d)
		ids = append(ids, string(d.LastID()))
	}
	events, err := DecodeBatch(nil, string(batch))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if e.ID != ids[i] || e.Source != "/ws/alice" || e.Time != "2026-01-02T03:04:05.678Z" || !e.Received.Equal(arrival) {
			t.Errorf("event %d is %+v, LastID was %s", i, e, ids[i])
		}
	}
	if !uuid7.MatchString(ids[0]) || ids[1] != "mine" || ids[2] <= ids[0] {
		t.Errorf("ids are %v", ids)
	}
}

func TestDefaultsFollowTheirFields(t *testing.T) {
	d := &Defaults{Source: "/ws", Received: arrival}
	s := &decode(t, `{"type":"a"}`)[0]
	AppendMember(nil, s, d)
	d.Source, d.Received = "/http", arrival.Add(time.Second)
	_, m := stored(t, []Span{*s}, d)
	if e := m.Events[0]; e.Source != "/http" || e.Time != "2026-01-02T03:04:06.678Z" {
		t.Errorf("stored %v", e)
	}
}

func TestBatchesConcatenate(t *testing.T) {
	d := &Defaults{Source: "/ws", Received: arrival}
	one, _ := stored(t, decode(t, `[{"type":"a"},{"type":"b"}]`), d)
	two, _ := stored(t, decode(t, `{"type":"c"}`), d)
	m := new(millracev1.EventBatch)
	if err := proto.Unmarshal(append(one, two...), m); err != nil || len(m.Events) != 3 || m.Version != BatchVersion || m.Events[2].Type != "c" {
		t.Errorf("%v, %v", m, err)
	}
}

// Random events, as JSON, through the frame, the batch, and both readers.
func TestRandomEventsRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		sent := randomEvent(r)
		spans := decode(t, string(sent.AppendJSON(nil)))
		if !spans[0].Valid() {
			t.Fatalf("%s: %v", spans[0].Raw, spans[0].Refused)
		}
		batch, m := stored(t, spans, &Defaults{Received: sent.Received})
		again, err := proto.Marshal(m) // the order of fields is another, their bytes are the same
		if err != nil || len(again) != len(batch) {
			t.Fatalf("%s: generated code writes\n%x (%v), this package\n%x", spans[0].Raw, again, err, batch)
		}
		for _, b := range [][]byte{batch, again} {
			got, err := DecodeBatch(nil, string(b))
			if err != nil || len(got) != 1 || !equal(got[0], sent) {
				t.Fatalf("sent %+v\ngot %+v, %v", sent, got, err)
			}
		}
	}
}

func randomEvent(r *rand.Rand) Event {
	e := Event{ID: randomText(r, 1), Source: randomText(r, 1), Type: randomText(r, 1), Time: "2024-05-06T07:08:09.1Z",
		Received: time.Unix(0, r.Int64N(1<<62)+1).UTC()}
	for _, s := range []*string{&e.Subject, &e.DataContentType, &e.DataSchema, &e.PartitionKey} {
		if r.IntN(2) == 0 {
			*s = randomText(r, 1)
		}
	}
	switch r.IntN(3) {
	case 0:
		e.Data, _ = json.Marshal(map[string]any{randomText(r, 0): randomText(r, 0), "n": r.Float64()})
	case 1:
		e.Data, e.Binary = []byte(randomText(r, 0)), true
	}
	for i := range r.IntN(4) {
		a := Attribute{Name: string(rune('a' + i)), Kind: Kind(r.IntN(3))}
		a.Value = map[Kind]string{Text: randomText(r, 0), Boolean: "true", Integer: "-12"}[a.Kind]
		e.Extensions = append(e.Extensions, a)
	}
	return e
}

func randomText(r *rand.Rand, least int) string {
	alphabet := []rune("abcdefgh \"\\/äß😀<>&\u2028")
	text := make([]rune, least+r.IntN(40))
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(text)
}
