package event

import (
	"errors"
	"reflect"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	millracev1 "millrace.dev/proto/gen/millrace/v1"
)

func equal(a, b Event) bool {
	return reflect.DeepEqual(a, b) || a.Received.Equal(b.Received) && sameButTime(a, b)
}

func sameButTime(a, b Event) bool {
	a.Received, b.Received = time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}

// generated is the batch as the generated code reads it.
func generated(b []byte) ([]Event, uint32, error) {
	m := new(millracev1.EventBatch)
	if err := proto.Unmarshal(b, m); err != nil {
		return nil, 0, err
	}
	var events []Event
	for _, p := range m.Events {
		e := Event{ID: p.Id, Source: p.Source, Type: p.Type, Subject: p.Subject, Time: p.Time, DataContentType: p.Datacontenttype,
			DataSchema: p.Dataschema, PartitionKey: p.Partitionkey, Received: unixNano(p.ReceivedUnixNano)}
		switch d := p.Payload.(type) {
		case *millracev1.Event_Data:
			e.Data = d.Data
		case *millracev1.Event_DataBinary:
			e.Data, e.Binary = d.DataBinary, true
		}
		for _, a := range p.Extensions {
			e.Extensions = append(e.Extensions, attribute(a))
		}
		events = append(events, e)
	}
	return events, m.Version, nil
}

func attribute(a *millracev1.Attribute) Attribute {
	switch v := a.Value.(type) {
	case *millracev1.Attribute_Boolean:
		return Attribute{Name: a.Name, Kind: Boolean, Value: strconv.FormatBool(v.Boolean)}
	case *millracev1.Attribute_Integer:
		return Attribute{Name: a.Name, Kind: Integer, Value: strconv.Itoa(int(v.Integer))}
	default:
		return Attribute{Name: a.Name, Value: a.GetText()}
	}
}

// odd are batches that only hostile or newer writers make; generated code is the judge of what they mean.
func odd() map[string][]byte {
	member := func(b ...byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, batchEvents, protowire.BytesType), b)
	}
	return map[string][]byte{
		"empty":               {},
		"no version":          member(0x1a, 1, 'a'),
		"empty event":         member(),
		"unknown fields":      append([]byte{0x08, 1, 0x7a, 1, 'x', 0x80, 0x01, 7}, member(0x1a, 1, 'a', 0xf0, 0x01, 3, 0xa5, 0x02, 1, 2, 3, 4)...),
		"unknown group":       append([]byte{0x2b, 0x08, 1, 0x2c}, member(0x1a, 1, 'a')...),
		"type twice":          member(0x1a, 1, 'a', 0x1a, 1, 'b'),
		"other wire types":    append([]byte{0x0a, 1, 9, 0x10, 5}, member(0x18, 1, 0x30, 5, 0x50, 1, 0x60, 1)...),
		"data, then binary":   member(0x52, 1, '1', 0x5a, 1, 'b'),
		"binary, then data":   member(0x5a, 1, 'b', 0x52, 1, '1'),
		"empty binary":        member(0x5a, 0),
		"text, then integer":  member(0x62, 7, 0x0a, 1, 'n', 0x12, 0, 0x20, 5),
		"no value":            member(0x62, 3, 0x0a, 1, 'n'),
		"boolean 2":           member(0x62, 2, 0x18, 2),
		"integer of 64 bits":  member(0x62, 11, 0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
		"not UTF-8":           member(0x1a, 1, 0xff),
		"name is not UTF-8":   member(0x62, 3, 0x0a, 1, 0xff),
		"cut tag":             {0x80},
		"cut length":          {0x12, 0x80},
		"cut member":          {0x12, 5, 0x1a, 1, 'a'},
		"length beyond":       {0x12, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"length of 2^63":      {0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"field number 0":      {0x00, 0x01},
		"field number 2^29":   {0x80, 0x80, 0x80, 0x80, 0x10, 0x01},
		"end of a group":      {0x0c},
		"wire type 7":         {0x0f},
		"cut within an event": member(0x1a, 9, 'a'),
	}
}

func TestDecodeAgreesWithGeneratedCode(t *testing.T) {
	for name, b := range odd() {
		t.Run(name, func(t *testing.T) { agree(t, b) })
	}
}

// agree compares both readers on any bytes whose version can be read.
func agree(t *testing.T, b []byte) {
	t.Helper()
	got, err := DecodeBatch(nil, string(b))
	if _, newer := errors.AsType[*VersionError](err); newer {
		return
	}
	want, _, wantErr := generated(b)
	if (err == nil) != (wantErr == nil) || err != nil && !errors.Is(err, ErrMalformed) {
		t.Fatalf("%x: error %v, generated code says %v", b, err, wantErr)
	}
	if err != nil {
		return
	}
	if len(got) != len(want) {
		t.Fatalf("%x: %d events, generated code reads %d", b, len(got), len(want))
	}
	for i := range got {
		if !equal(got[i], want[i]) {
			t.Fatalf("%x: event %d is\n%+v, generated code reads\n%+v", b, i, got[i], want[i])
		}
	}
	if n, err := CountBatch(b); err != nil || n != len(got) {
		t.Fatalf("%x: CountBatch says %d, %v; there are %d", b, n, err, len(got))
	}
}

func TestNewerVersionsAreRefused(t *testing.T) {
	b, err := proto.Marshal(&millracev1.EventBatch{Version: 2, Events: []*millracev1.Event{{Type: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	mixed := append(AppendVersion(nil), b...)
	for _, b := range [][]byte{b, mixed, append(mixed, AppendVersion(nil)...)} {
		var newer *VersionError
		before := []Event{{ID: "before"}}
		events, err := DecodeBatch(before, string(b))
		if !errors.As(err, &newer) || newer.Version != 2 || len(events) != 1 {
			t.Errorf("DecodeBatch(%x) = %d events, %v", b, len(events), err)
		}
		if _, err := CountBatch(b); !errors.As(err, &newer) {
			t.Errorf("CountBatch(%x): %v", b, err)
		}
	}
}

func TestDecodeLeavesDstOnError(t *testing.T) {
	b := append(AppendVersion(nil), 0x12, 3, 0x1a, 1, 'a', 0x12, 9)
	events, err := DecodeBatch([]Event{{ID: "before"}}, string(b))
	if !errors.Is(err, ErrMalformed) || len(events) != 1 || events[0].ID != "before" {
		t.Errorf("%v, %v", events, err)
	}
}

func TestStringsAliasTheEntry(t *testing.T) {
	batch, _ := stored(t, decode(t, `[{"type":"abc","data":[1]},{"type":"def","data":[2]}]`), &Defaults{Received: arrival})
	entry := string(batch)
	events, err := DecodeBatch(nil, entry)
	if err != nil {
		t.Fatal(err)
	}
	first := uintptr(unsafe.Pointer(unsafe.StringData(entry)))
	for _, e := range events {
		if p := uintptr(unsafe.Pointer(unsafe.StringData(e.Type))); p < first || p >= first+uintptr(len(entry)) {
			t.Errorf("%s lies elsewhere", e.Type)
		}
		if cap(e.Data) != len(e.Data) {
			t.Errorf("appending to the data of %s would write over its neighbour", e.Type)
		}
	}
}
